package mlcore_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// noisy returns records of y = 10·x + noise, and of a class that x tells with that much chance.
func noisy(n int, seed uint64) []retrain.Record {
	r := rand.New(rand.NewPCG(seed, 1))
	records := make([]retrain.Record, n)
	for i := range records {
		x := r.Float64()
		records[i] = retrain.Record{"id": fmt.Sprint(seed, i), "x": x, "y": 10*x + r.NormFloat64(), "yes": r.Float64() < 0.2+0.6*x,
			"a": r.Float64(), "b": r.Float64(), "c": r.Float64(), "d": r.Float64()}
	}
	return records
}

func predictions(t *testing.T, m retrain.Model, learn, ask []retrain.Record) []retrain.Prediction {
	t.Helper()
	e := &mlcore.Engine{}
	defer e.Close()
	s, err := mlcore.Load(train(t, e, retrain.Job{Model: m, Data: tables(learn)}).Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Predict(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// An interval of 90 % holds about 90 % of what comes later.
func TestIntervalsHoldWhatTheySay(t *testing.T) {
	m := retrain.Model{Name: "y", Type: retrain.Regression, Resource: "r", Features: []string{"x"}, Target: retrain.Names{"y"}}
	m.ModelConfig.ValidationSplit = new(float64)
	*m.ModelConfig.ValidationSplit = 0.4
	asked := noisy(2000, 2)
	held := 0.0
	for i, p := range predictions(t, m, noisy(1000, 1), asked) {
		if y := asked[i]["y"].(float64); p.Interval[0] <= y && y <= p.Interval[1] {
			held++
		}
	}
	if share := held / float64(len(asked)); share < 0.87 || share > 0.93 {
		t.Errorf("got %.3f of the truths in intervals of 0.9", share)
	}
}

// Confidence is how often a class is right, also of a network that learnt its rows by heart.
func TestConfidenceIsHowOftenItIsRight(t *testing.T) {
	m := retrain.Model{Name: "yes", Type: retrain.Classification, Resource: "r", Features: []string{"x", "a", "b", "c", "d"}, Target: retrain.Names{"yes"}}
	m.ModelConfig.Dropout, m.ModelConfig.Epochs = new(float64), 150
	m.ModelConfig.ValidationSplit = new(float64)
	*m.ModelConfig.ValidationSplit = 0.4
	asked := noisy(2000, 2)
	sure, right := 0.0, 0.0
	for i, p := range predictions(t, m, noisy(400, 1), asked) {
		sure += *p.Confidence
		if p.Prediction == asked[i]["yes"] {
			right++
		}
	}
	if n := float64(len(asked)); sure/n > right/n+0.05 || sure/n < right/n-0.05 {
		t.Errorf("sure by %.3f, right by %.3f", sure/n, right/n)
	}
}
