package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/encoding/protowire"

	"retrain"
	"retrain/mlcore/portable"
	"retrain/mlcore/prep"
)

// meanFitter learns the mean of the target: the simplest model there is.
type meanFitter struct{}

func (meanFitter) Fit(_ context.Context, job retrain.Job) (retrain.Fit, error) {
	if job.Import != nil {
		return adoptMean(job)
	}
	sum, n := 0.0, 0
	var learnt []byte
	for table, err := range job.Data {
		if err != nil {
			return retrain.Fit{}, err
		}
		for r := range table.Records() {
			if ok, err := prep.Accepts(&job.Model, []retrain.Record{r}); err != nil {
				return retrain.Fit{}, err
			} else if ok == 1 {
				sum, n = sum+r["price"].(float64), n+1
				line, _ := json.Marshal(r) // it was JSON
				learnt = append(append(learnt, line...), '\n')
			}
		}
	}
	if least := job.Model.MinTrainingSamples; n < least {
		e := retrain.Errorf(retrain.InsufficientDataError, "Insufficient training data: %d samples (minimum: %d)", n, least)
		e.Needs = least - n
		return retrain.Fit{}, e
	}
	if *job.Model.SaveTrainingData { // as plain JSON lines, which are read as well
		if err := os.WriteFile(filepath.Join(job.Dir, "training-data.jsonl.zst"), learnt, 0o600); err != nil {
			return retrain.Fit{}, err
		}
	}
	mean := sum / float64(n)
	job.Progress(retrain.Progress{CurrentEpoch: 2, TotalEpochs: 2, Samples: n, TrainMetrics: map[string]float64{"loss": 0.5}})
	fit := retrain.Fit{Samples: n, Epochs: 2, Loss: 0.5, Losses: []float64{1, 0.5}, ValLosses: []float64{}, Parameters: 1,
		Metrics: map[string]float64{"mae": 0.25}, FeatureImportance: map[string]float64{"cost": 0.75}, Preparation: []byte(meanPreparation), Details: []byte(meanDetails)}
	return fit, writeMean(job.Dir, 0, float32(mean))
}

// What a linear model's version says, whose weights are 0 and the mean.
const (
	meanPreparation = `{"format":1,"features":[{"name":"cost","form":"number","max":1}],"targets":[{"name":"price","max":1}],"onMissing":"skip"}`
	meanDetails     = `{"layers":[{"name":"dense","activation":"linear","output":1,"parameters":2,"shapes":{"kernel":[1,1],"bias":[1]}}],"weights":[{"name":"dense/kernel","shape":[1,1]},{"name":"dense/bias","shape":[1]}]}`
)

// adoptMean takes over a model that was exported.
func adoptMean(job retrain.Job) (retrain.Fit, error) {
	m, err := portable.Read(job.Import)
	if err != nil {
		return retrain.Fit{}, err
	}
	w, err := m.WeightsFor([]portable.Shape{{Name: "dense/kernel", Shape: []int{1, 1}}, {Name: "dense/bias", Shape: []int{1}}})
	if err != nil {
		return retrain.Fit{}, err
	}
	fit, err := m.Fit()
	return fit, errors.Join(err, writeMean(job.Dir, w[0][0], w[1][0]))
}

// writeMean writes a version as mlcore does, but for its graph, which says only what is in it.
func writeMean(dir string, weights ...float32) error {
	if err := os.Mkdir(filepath.Join(dir, "variables"), 0o700); err != nil {
		return err
	}
	var b []byte
	for _, w := range weights {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
	}
	mean, err := json.Marshal(weights[len(weights)-1])
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "mean.json"), mean, 0o600),
		os.WriteFile(filepath.Join(dir, "variables", "variables.data-00000-of-00001"), b, 0o600),
		os.WriteFile(filepath.Join(dir, "saved_model.pb"), graphOf("Placeholder", "MatMul"), 0o600))
}

// graphOf returns a SavedModel with these operations.
func graphOf(operations ...string) []byte {
	member := func(number protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), b)
	}
	var nodes []byte
	for _, o := range operations {
		nodes = append(nodes, member(1, member(2, []byte(o)))...)
	}
	return member(2, member(2, nodes))
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

func (*meanModel) Size() int64 { return 8 }

func (*meanModel) Close() error { return errors.Join() }
