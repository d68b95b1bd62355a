package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"retrain"
	"retrain/mlcore/prep"
)

// meanFitter learns the mean of the target: the simplest model there is.
type meanFitter struct{}

func (meanFitter) Fit(_ context.Context, job retrain.Job) (retrain.Fit, error) {
	sum, n := 0.0, 0
	for table, err := range job.Data {
		if err != nil {
			return retrain.Fit{}, err
		}
		for r := range table.Records() {
			if ok, err := prep.Accepts(&job.Model, []retrain.Record{r}); err != nil {
				return retrain.Fit{}, err
			} else if ok == 1 {
				sum, n = sum+r["price"].(float64), n+1
			}
		}
	}
	if least := job.Model.MinTrainingSamples; n < least {
		e := retrain.Errorf(retrain.InsufficientDataError, "Insufficient training data: %d samples (minimum: %d)", n, least)
		e.Needs = least - n
		return retrain.Fit{}, e
	}
	mean := sum / float64(n)
	job.Progress(retrain.Progress{CurrentEpoch: 2, TotalEpochs: 2, Samples: n, TrainMetrics: map[string]float64{"loss": 0.5}})
	b, err := json.Marshal(mean)
	if err != nil {
		return retrain.Fit{}, err
	}
	fit := retrain.Fit{Samples: n, Epochs: 2, Loss: 0.5, Losses: []float64{1, 0.5}, ValLosses: []float64{}, Parameters: 1,
		Metrics: map[string]float64{"mae": 0.25}, Preparation: []byte("{}"), Details: []byte(`{"layers":1}`)}
	return fit, os.WriteFile(filepath.Join(job.Dir, "mean.json"), b, 0o600)
}

type meanModel float64

func loadMean(v retrain.Version) (retrain.Servable, error) {
	b, err := os.ReadFile(filepath.Join(v.Dir, "mean.json"))
	if err != nil {
		return nil, err
	}
	var m meanModel
	return &m, json.Unmarshal(b, &m)
}

func (m *meanModel) Predict(_ context.Context, records []retrain.Record) ([]retrain.Prediction, error) {
	predictions := make([]retrain.Prediction, len(records))
	for i, r := range records {
		if r["cost"] == nil {
			return nil, retrain.Errorf(retrain.DataValidationError, "Missing features: cost")
		}
		predictions[i].Prediction = float64(*m)
	}
	return predictions, nil
}

func (*meanModel) Close() error { return errors.Join() }
