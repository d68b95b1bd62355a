package mlcore

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// How many records with their predictions a version keeps to check itself by.
const examples = 3

// exemplify reads the written version back and adds examples of what it answers to the details.
func (f *fit) exemplify(ctx context.Context) error {
	var err error
	if f.result.Details, err = json.Marshal(f.details); err != nil {
		return err
	}
	l, err := Loader{}.open(retrain.Version{Dir: f.Dir, Manifest: &retrain.Manifest{Fit: f.result}})
	if err != nil {
		return retrain.Errorf(retrain.TrainingError, "the written version does not load: %w", err)
	}
	defer l.session.Close()
	records, err := f.exampleRecords()
	if err != nil {
		return err
	}
	predictions, err := l.Predict(ctx, records)
	if err != nil {
		return retrain.Errorf(retrain.TrainingError, "the written version does not answer: %w", err)
	}
	if f.result.FeatureImportance, err = f.importance(ctx, l); err != nil {
		return err
	}
	f.details.Examples = nil
	for i, p := range predictions {
		f.details.Examples = append(f.details.Examples, Example{records[i : len(records)-len(predictions)+i+1], p})
	}
	if f.result.Details, err = json.Marshal(f.details); err != nil {
		return err
	}
	return writeWarmup(f.Dir, f.Model.Name, f.preparation, f.details.Examples)
}

// exampleRecords returns a few records of the data; of a time series so many that they make a few windows.
func (f *fit) exampleRecords() ([]retrain.Record, error) {
	n := min(examples, f.data.Rows)
	if f.preparation.Lookback > 0 {
		n = min(f.preparation.Lookback+examples-1, f.data.Rows)
	}
	records := make([]retrain.Record, n)
	for i := range records {
		r, err := f.data.Record(i)
		if err != nil {
			return nil, err
		}
		records[i] = needed(r, f.preparation)
	}
	return records, nil
}

// needed returns the fields of a record that a prediction reads. What expressions read is not known here: where there are
// any, it is the whole record.
func needed(r retrain.Record, p *prep.Preparation) retrain.Record {
	if len(p.Map) > 0 {
		return r
	}
	short := make(retrain.Record)
	for _, f := range p.Features {
		if v := r.At(f.Name); v != nil {
			short[f.Name] = v
		}
	}
	return short
}

// check predicts the examples, which warms the session too, and returns a PredictionError where they differ from what they
// were by more than rounding.
func (l *Loaded) check() error {
	for _, e := range l.details.Examples {
		got, err := l.Predict(context.Background(), e.Records)
		if err != nil {
			return retrain.Errorf(retrain.PredictionError, "the version's own example: %w", err)
		}
		if !alike(got[0], e.Prediction) {
			return retrain.Errorf(retrain.PredictionError, "the version answers %v to its own example, and answered %v when it was made", got[0].Prediction, e.Prediction.Prediction).
				WithHint("it was made by TensorFlow %s", l.details.TensorFlow)
		}
	}
	return nil
}

// quick returns a PredictionError where a prediction takes longer than it may. Of a few that are timed the fastest counts, since
// others may be at work on this machine.
func (l *Loaded) quick(most time.Duration) error {
	const times = 5
	x, y := make([]float32, l.batcher.in), make([]float32, l.batcher.out)
	best := time.Duration(math.MaxInt64)
	for range times {
		began := time.Now()
		if err := l.batcher.run(x, 1, y); err != nil {
			return retrain.Errorf(retrain.PredictionError, "predict: %w", err)
		}
		best = min(best, time.Since(began))
		if best <= most {
			return nil
		}
	}
	return retrain.Errorf(retrain.PredictionError, "a prediction takes %v, and may take %v", best.Round(time.Microsecond), most)
}

// alike compares predictions up to what other processors may round differently. Of classes the probabilities count.
func alike(a, b retrain.Prediction) bool {
	if len(a.Probabilities) > 0 {
		for class, p := range a.Probabilities {
			if math.Abs(p-b.Probabilities[class]) > 1e-3 {
				return false
			}
		}
		return true
	}
	x, y := asNumbers(a.Prediction), asNumbers(b.Prediction)
	return slices.EqualFunc(x, y, func(v, w float64) bool { return math.Abs(v-w) <= 1e-3*(1+math.Abs(w)) })
}

// asNumbers returns the numbers of a prediction, also of one that was read from JSON.
func asNumbers(v any) []float64 {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case []float64:
		return v
	case []any:
		var x []float64
		for _, e := range v {
			x = append(x, asNumbers(e)...)
		}
		return x
	}
	return nil
}
