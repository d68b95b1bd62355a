package mlcore_test

import (
	"errors"
	"math"
	"testing"

	"retrain"
	"retrain/mlcore"
)

func TestExactFindsTheTruth(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	records := products(60)
	for _, r := range records { // no noise
		premium := 0.0
		if r["category"] == "premium" {
			premium = 50
		}
		cost, demand := r["cost"].(float64), r["demand"].(float64)
		r["price"] = 1.5*cost + 4*demand + 20 + premium
		r["bent"] = 0.5*cost*demand + demand*demand - 3
	}
	for target, degree := range map[string]int{"price": 1, "bent": 2} {
		m := price()
		m.Target, m.ModelConfig.Solver, m.ModelConfig.Polynomial = retrain.Names{target}, "exact", degree
		v := train(t, e, retrain.Job{Model: m, Data: tables(records)})
		if r2 := v.Metrics["r2"]; r2 < 0.999999 || v.Epochs != 1 {
			t.Errorf("%s: got R² %v after %d epochs", target, r2, v.Epochs)
		}
	}
	m := price()
	m.ModelConfig.Solver, m.ModelConfig.Loss = "exact", "huber"
	if _, err := tryTrain(t, e, retrain.Job{Model: m, Data: tables(records)}); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("got %v", err)
	}
}

func TestForecastGoesOn(t *testing.T) {
	var records []retrain.Record
	for i := range 60 {
		records = append(records, retrain.Record{"month": float64(i), "sales": 10 + 5*math.Sin(float64(i)*math.Pi/3)})
	}
	m := retrain.Model{Name: "sales", Type: retrain.TimeSeries, Resource: "r", Target: retrain.Names{"sales"}}
	m.ModelConfig = retrain.ModelConfig{Lookback: 6, OrderBy: "month", LSTMUnits: 8, Epochs: 60, BatchSize: 8, Dropout: new(float64), RecurrentDropout: new(float64)}
	e := &mlcore.Engine{}
	defer e.Close()
	s, err := mlcore.Load(train(t, e, retrain.Job{Model: m, Data: tables(records)}).Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.(*mlcore.Loaded).Forecast(t.Context(), records, 6)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got {
		if want := 10 + 5*math.Sin(float64(60+i)*math.Pi/3); math.Abs(p.Prediction.(float64)-want) > 1.5 {
			t.Errorf("step %d: got %.2f, want %.2f", i+1, p.Prediction, want)
		}
	}
	if _, err := s.(*mlcore.Loaded).Forecast(t.Context(), records[:3], 6); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("got %v for too short a past", err)
	}
}
