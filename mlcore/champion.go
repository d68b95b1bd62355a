package mlcore

import (
	"context"
	"errors"
	"fmt"

	"retrain"
	"retrain/mlcore/prep"
)

// judgeChampion lets the champion answer the same records. They are none where the champion cannot answer them: it wants features
// that these records no longer have.
func (f *fit) judgeChampion(ctx context.Context, rows []int32) (map[string]float64, error) {
	c, err := Loader{}.open(f.Champion)
	if err != nil {
		return nil, fmt.Errorf("champion: %w", err)
	}
	defer c.session.Close()
	predictions, err := c.answerRows(ctx, f.data, rows)
	if errors.Is(err, retrain.DataValidationError) {
		return map[string]float64{}, nil
	} else if err != nil {
		return nil, err
	}
	if t := f.preparation.Targets[0]; len(t.Classes) > 0 {
		metrics, _ := judgeClasses(f.trueClasses(rows), byClass(predictions, t.Classes), f.majority())
		return metrics, nil
	}
	var values []float64
	for _, p := range predictions {
		values = append(values, asNumbers(p.Prediction)...)
	}
	if len(values) != len(rows)*f.data.Outputs {
		return map[string]float64{}, nil // it predicted something else
	}
	return f.judgeTargets(rows, values), nil
}

// answerRows predicts rows of a data set that was prepared for another version, from their records.
func (l *Loaded) answerRows(ctx context.Context, d *prep.Data, rows []int32) ([]retrain.Prediction, error) {
	var all []retrain.Prediction
	lookback := l.encoder.Lookback
	for _, row := range rows {
		first := int(row)
		if lookback > 0 {
			first -= lookback
		}
		if first < 0 {
			return nil, retrain.Errorf(retrain.DataValidationError, "no window of %d records ends before row %d", lookback, row)
		}
		records := make([]retrain.Record, max(1, lookback))
		for i := range records {
			var err error
			if records[i], err = d.Record(first + i); err != nil {
				return nil, err
			}
		}
		p, err := l.Predict(ctx, records)
		if err != nil {
			return nil, err
		}
		all = append(all, p...)
	}
	return all, nil
}
