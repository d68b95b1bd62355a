package mlcore_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore"
)

func TestWhatCannotBeLearnt(t *testing.T) {
	changed := func(change func(i int, r retrain.Record)) []retrain.Record {
		records := products(40)
		for i, r := range records {
			change(i, r)
		}
		return records
	}
	with := func(change func(m *retrain.Model)) retrain.Model {
		m := price()
		m.ModelConfig.Epochs = 3
		change(&m)
		return m
	}
	plain := func(*retrain.Model) {}
	tests := map[string]struct {
		model   retrain.Model
		records []retrain.Record
		code    retrain.Code
		says    string
	}{
		"a NaN among the numbers": {with(plain), changed(func(i int, r retrain.Record) {
			if i == 7 {
				r["cost"] = math.NaN()
			}
		}), retrain.DataValidationError, `feature cost is NaN, which cannot be learnt from (record "p7")`},
		"a loss that explodes": {with(func(m *retrain.Model) {
			m.ModelConfig.Optimizer, m.ModelConfig.LearningRate, m.ModelConfig.Epochs = "sgd", 10, 200
		}),
			products(40), retrain.TrainingError, "loss became"},
		"a single class": {with(func(m *retrain.Model) { m.Type, m.Target = retrain.Classification, retrain.Names{"size"} }),
			changed(func(_ int, r retrain.Record) { r["size"] = "S" }), retrain.DataValidationError, "one class"},
		"a lookback longer than the data": {with(func(m *retrain.Model) { m.Type, m.ModelConfig.Lookback = retrain.TimeSeries, 50 }),
			products(40), retrain.InsufficientDataError, "40 samples (minimum: 51)"},
		"three classes for a yes or no": {with(func(m *retrain.Model) {
			m.Type, m.Target, m.ModelConfig.Loss = retrain.NeuralNetwork, retrain.Names{"size"}, "binaryCrossentropy"
		}), products(40), retrain.DataValidationError, "tells two apart"},
		"no rows at all":          {with(plain), nil, retrain.InsufficientDataError, "0 samples"},
		"a GPU that is not there": {with(func(m *retrain.Model) { m.Device = "gpu" }), products(40), retrain.TensorFlowDependencyError, "device: gpu"},
	}
	e := &mlcore.Engine{}
	defer e.Close()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := tryTrain(t, e, retrain.Job{Model: test.model, Data: tables(test.records), Dir: dir})
			if !errors.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want a %s with %q", err, test.code, test.says)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
				t.Errorf("got files of a version: %v, %v", files, err)
			}
		})
	}
}

func TestWhatCanBeLearntNevertheless(t *testing.T) {
	unicode := func(records []retrain.Record) []retrain.Record {
		for _, r := range records {
			r["größe in m²"], r["种类"], r["always"] = r["cost"], r["category"], 5.0
		}
		return records
	}
	tests := map[string]func(m *retrain.Model){
		"a constant feature":            func(m *retrain.Model) { m.Features = append(m.Features, "always") },
		"only a constant feature":       func(m *retrain.Model) { m.Features = []string{"always"} },
		"a constant target":             func(m *retrain.Model) { m.Target = retrain.Names{"always"} },
		"names in any script":           func(m *retrain.Model) { m.Features = []string{"größe in m²", "种类"} },
		"batches of one row":            func(m *retrain.Model) { m.ModelConfig.BatchSize = 1 },
		"batches of more than there is": func(m *retrain.Model) { m.ModelConfig.BatchSize = 1000 },
		"nothing held out":              func(m *retrain.Model) { m.ModelConfig.ValidationSplit = new(float64) },
		"a map":                         func(m *retrain.Model) { m.Map = map[string]string{"cost": "log(cost)"} },
		"early stopping on the loss": func(m *retrain.Model) {
			m.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 1, Monitor: "loss", MinDelta: 1}
		},
	}
	e := &mlcore.Engine{}
	defer e.Close()
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			m := price()
			m.ModelConfig.Epochs = 3
			change(&m)
			records := unicode(products(40))
			v := train(t, e, retrain.Job{Model: m, Data: tables(records)})
			s, err := mlcore.Load(v.Version)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Predict(t.Context(), records[:2]); err != nil {
				t.Error(err)
			}
			serve(t, v.Dir, rawInputs(t, v, records[:2]))
			for name, x := range v.Metrics {
				if math.IsNaN(x) || math.IsInf(x, 0) {
					t.Errorf("%s is %v", name, x)
				}
			}
		})
	}
}

func TestEarlyStoppingRestoresTheBestWeights(t *testing.T) {
	m := price()
	m.ModelConfig.Epochs, m.ModelConfig.LearningRate = 500, 0.3
	m.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 4, RestoreBestWeights: true}
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: m, Data: tables(products(80))})
	if v.Epochs == 500 || v.Epochs != len(v.Losses) {
		t.Fatalf("got %d epochs and %d losses", v.Epochs, len(v.Losses))
	}
	d, err := mlcore.ReadDetails(&v.Fit)
	if err != nil {
		t.Fatal(err)
	}
	best := d.BestEpoch
	if best != v.Epochs-4 || v.ValLosses[best-1] != *v.ValLoss {
		t.Errorf("stopped after %d, best was %d with %v, got %v", v.Epochs, best, v.ValLosses[best-1], *v.ValLoss)
	}
	for i, l := range v.ValLosses {
		if l < *v.ValLoss {
			t.Errorf("epoch %d had %v, the version has %v", i+1, l, *v.ValLoss)
		}
	}
}

func TestTheChampionIsJudgedOnTheSameHoldout(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			champion := train(t, e, retrain.Job{Model: m, Data: tables(products(80))})
			next := train(t, e, retrain.Job{Model: m, Data: tables(products(80)), Champion: champion.Version})
			for _, metric := range []string{"loss", "mae", "accuracy"} {
				got, want := next.Champion[metric], champion.Metrics[metric]
				if math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
					t.Errorf("%s: the champion got %v, and %v when it was made on the same data", metric, got, want)
				}
			}
		})
	}
}

func TestContinueBeginsWithTheVersionsWeights(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	m := price()
	first := train(t, e, retrain.Job{Model: m, Data: tables(products(80))})
	m.ModelConfig.Epochs = 1
	next := train(t, e, retrain.Job{Model: m, Data: tables(products(80)), Continue: first.Version})
	if next.Losses[0] > first.Losses[0]/10 {
		t.Errorf("got %v in the first epoch, the version had come to %v from %v", next.Losses[0], first.Loss, first.Losses[0])
	}
	for says, change := range map[string]func(m *retrain.Model){
		`now they are ["cost" "price"]`: func(m *retrain.Model) { m.Features = []string{"cost"} },
		`now they are ["cost" "demand" "categ`: func(m *retrain.Model) {
			m.Target = retrain.Names{"createdAt"}
			m.Map = map[string]string{"createdAt": "1"}
		},
		"dense/kernel is [4 1] there and [4 64": func(m *retrain.Model) {
			m.Type, m.ModelConfig.Layers = retrain.NeuralNetwork, []retrain.Layer{{Units: 64}}
		},
	} {
		m := m
		change(&m)
		_, err := tryTrain(t, e, retrain.Job{Model: m, Data: tables(products(80)), Continue: first.Version})
		if !errors.Is(err, retrain.ModelConfigError) || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// grown are more products: dearer, later, in a new category and size, with more demand.
func grown() []retrain.Record {
	records := products(80)
	for i, r := range products(16) {
		r["id"], r["cost"], r["price"], r["createdAt"] = fmt.Sprint("new", i), 150+r["cost"].(float64), 300+r["price"].(float64), "2025-06-01T00:00:00Z"
		r["category"], r["size"], r["demand"] = "deluxe", "XL", 12.0
		records = append(records, r)
	}
	return records
}

// A fit that continues begins with what the version has learnt, whatever the new records did to ranges, levels and classes: with
// a learning rate of next to nothing it answers what the version answered.
func TestContinueWithOtherRangesLevelsAndClasses(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			m.ModelConfig.Layers = slices.Clone(m.ModelConfig.Layers)
			for i := range m.ModelConfig.Layers { // whose moving means go on in any case
				m.ModelConfig.Layers[i].BatchNormalization = false
			}
			first := train(t, e, retrain.Job{Model: m, Data: tables(products(80))})
			m.ModelConfig.LearningRate, m.ModelConfig.Epochs = 1e-12, 1
			next := train(t, e, retrain.Job{Model: m, Data: tables(grown()), Continue: first.Version})
			want, got := answers(t, first, products(40)), answers(t, next, products(40))
			for i := range want {
				if !closeTo(got[i], want[i]) {
					t.Errorf("record %d: got %v, want %v", i, got[i].Prediction, want[i].Prediction)
				}
			}
		})
	}
}

func answers(t *testing.T, v trained, records []retrain.Record) []retrain.Prediction {
	t.Helper()
	s, err := mlcore.Load(v.Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Predict(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// closeTo compares numbers, and classes: the same one unless a new one came up.
func closeTo(got, want retrain.Prediction) bool {
	switch w := want.Prediction.(type) {
	case float64:
		if want.Confidence == nil {
			return math.Abs(got.Prediction.(float64)-w) < 1e-3*(1+math.Abs(w))
		}
	case []float64:
		return slices.EqualFunc(got.Prediction.([]float64), w, func(a, b float64) bool { return math.Abs(a-b) < 1e-3*(1+math.Abs(b)) })
	}
	best := ""
	for class := range want.Probabilities { // of those that the version knew
		if best == "" || got.Probabilities[class] > got.Probabilities[best] {
			best = class
		}
	}
	for class, p := range want.Probabilities {
		if p > want.Probabilities[best]+1e-4 {
			return class == best
		}
	}
	return true
}
