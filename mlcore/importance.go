package mlcore

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"

	"retrain"
)

// Importance returns how much worse a version's answers become when one feature's values are dealt out anew among the
// records: for each feature the rise of the mean absolute error, in the target's own units, or the loss of accuracy for
// classes. About 0 means that the version does not use it, or that map makes it from other fields. The records must hold the target; time series have no importance
// of this kind and return a PredictionError.
func (l *Loaded) Importance(ctx context.Context, records []retrain.Record, seed uint64) (map[string]float64, error) {
	if l.encoder.Lookback > 0 {
		return nil, retrain.Errorf(retrain.PredictionError, "a time series has no importance of features: its windows overlap")
	}
	before, err := l.wrong(ctx, records)
	if err != nil {
		return nil, err
	}
	importance := make(map[string]float64)
	for i, f := range l.encoder.Features {
		order := rand.New(rand.NewPCG(seed, uint64(i))).Perm(len(records))
		dealt := make([]retrain.Record, len(records))
		for j, r := range records {
			dealt[j] = maps.Clone(r)
			dealt[j][f.Name] = records[order[j]].At(f.Name)
		}
		after, err := l.wrong(ctx, dealt)
		if err != nil {
			return nil, err
		}
		importance[f.Name] = after - before
	}
	return importance, nil
}

// wrong returns how wrong the answers to records are: the mean absolute error, or the share of wrong classes.
func (l *Loaded) wrong(ctx context.Context, records []retrain.Record) (float64, error) {
	predictions, err := l.Predict(ctx, records)
	if err != nil {
		return 0, err
	}
	var misses []float64
	for i, p := range predictions {
		for j, t := range l.encoder.Targets {
			truth := records[i].At(t.Name)
			if len(t.Classes) > 0 {
				miss := 1.0
				if class := t.Index(truth); class >= 0 && t.Class(class) == p.Prediction {
					miss = 0
				}
				misses = append(misses, miss)
				continue
			}
			values, answers := asNumbers(truth), asNumbers(p.Prediction)
			if len(values) != 1 {
				return 0, retrain.Errorf(retrain.DataValidationError, "record %d has no number as %s", i+1, t.Name)
			}
			misses = append(misses, max(values[0]-answers[j], answers[j]-values[0]))
		}
	}
	return average(slices.Clip(misses)), nil
}
