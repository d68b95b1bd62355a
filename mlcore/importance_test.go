package mlcore_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// withNoise adds a feature that says nothing.
func withNoise(n int) []retrain.Record {
	records, r := products(n), rand.New(rand.NewPCG(1, 2))
	for i := range records {
		records[i]["noise"] = r.Float64()
	}
	return records
}

func TestVersionsSayWhichFeaturesMatter(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	m := price()
	m.Features = []string{"cost", "demand", "category", "noise"}
	v := train(t, e, retrain.Job{Model: m, Data: tables(withNoise(500))})
	i := v.FeatureImportance
	if len(i) != 4 || i["cost"] < 0.5 || i["demand"] < 0.01 || i["category"] < 0.1 || i["cost"] < i["category"] || i["category"] < i["demand"] || i["noise"] > 0.01 || i["noise"] < -0.01 {
		t.Errorf("of a price: got %v", i)
	}
	if again := train(t, &mlcore.Engine{}, retrain.Job{Model: m, Data: tables(withNoise(500))}); !reflect.DeepEqual(again.FeatureImportance, i) {
		t.Errorf("once %v, then %v", i, again.FeatureImportance)
	}

	m.ModelConfig.Polynomial, m.ModelConfig.Solver = 2, "exact"
	if i := train(t, e, retrain.Job{Model: m, Data: tables(withNoise(500))}).FeatureImportance; i["cost"] < 0.5 || i["noise"] > 0.01 || i["noise"] < -0.01 {
		t.Errorf("with polynomial terms: got %v", i)
	}

	m = price()
	m.Type, m.Target, m.Features = retrain.Classification, retrain.Names{"size"}, []string{"cost", "noise"}
	if i := train(t, e, retrain.Job{Model: m, Data: tables(withNoise(500))}).FeatureImportance; i["cost"] < 0.2 || i["noise"] > 0.1 {
		t.Errorf("of a size: got %v", i)
	}

	m = kinds()["series"]
	m.Features, m.Target = []string{"noise"}, retrain.Names{"wave"}
	records := withNoise(300)
	for i := range records {
		records[i]["wave"] = float64(i % 4)
	}
	m.ModelConfig.OrderBy, m.ModelConfig.Epochs = "at", 40
	for i := range records {
		records[i]["at"] = float64(i)
	}
	if i := train(t, e, retrain.Job{Model: m, Data: tables(records)}).FeatureImportance; i["wave"] < 0.5 || i["noise"] > 0.2 {
		t.Errorf("of a series: got %v", i)
	}

	if i := train(t, e, retrain.Job{Model: price(), Data: tables(products(50))}).FeatureImportance; i != nil { // 10 are held out
		t.Errorf("of few rows: got %v", i)
	}
}
