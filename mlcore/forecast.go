package mlcore

import (
	"context"
	"maps"
	"slices"
	"time"

	"retrain"
)

// Forecast returns the next steps values of a time series, for its latest records in the order of time, at least as many as
// its lookback. Each value is predicted from those before it, so errors add up from step to step. What else the model reads
// stays what it was in the last record, but for the time, which goes on by the median of the distances between records. Only
// the first step has an interval. A model of another type returns a PredictionError.
func (l *Loaded) Forecast(ctx context.Context, records []retrain.Record, steps int) ([]retrain.Prediction, error) {
	lookback := l.encoder.Lookback
	if lookback == 0 {
		return nil, retrain.Errorf(retrain.PredictionError, "only a time series has a forecast")
	}
	if len(records) < lookback {
		return nil, retrain.Errorf(retrain.DataValidationError, "a forecast needs the latest %d records, not %d", lookback, len(records))
	}
	history := slices.Clone(records[len(records)-lookback:])
	next := l.clock(history)
	forecast := make([]retrain.Prediction, 0, steps)
	for range steps {
		p, err := l.Predict(ctx, history)
		if err != nil {
			return nil, err
		}
		if len(forecast) > 0 {
			p[0].Interval = nil
		}
		forecast = append(forecast, p[0])
		r := maps.Clone(history[lookback-1])
		r[l.encoder.Targets[0].Name] = p[0].Prediction
		next(r)
		history = append(history[1:], r)
	}
	return forecast, nil
}

// clock returns a function that moves a record's time on by the usual distance of these. It does nothing where times are
// missing or are no dates or numbers.
func (l *Loaded) clock(records []retrain.Record) func(r retrain.Record) {
	field := l.encoder.OrderBy
	var distances []float64
	for i := range records[1:] {
		before, _, ok := timeOf(records[i].At(field))
		after, _, also := timeOf(records[i+1].At(field))
		if ok && also {
			distances = append(distances, after-before)
		}
	}
	if field == "" || len(distances) == 0 {
		return func(retrain.Record) {}
	}
	slices.Sort(distances)
	step := distances[len(distances)/2]
	return func(r retrain.Record) {
		if at, write, ok := timeOf(r.At(field)); ok {
			r[field] = write(at + step)
		}
	}
}

// timeOf returns a time as a number, and how to write one in the same form.
func timeOf(v any) (seconds float64, write func(float64) any, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, func(s float64) any { return s }, true
	case string:
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime, "2006-01-02T15:04:05"} {
			if at, err := time.Parse(layout, v); err == nil {
				return float64(at.UnixMilli()) / 1000, func(s float64) any { return time.UnixMilli(int64(s * 1000)).UTC().Format(layout) }, true
			}
		}
	}
	return 0, nil, false
}
