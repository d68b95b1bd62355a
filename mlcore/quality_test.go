package mlcore_test

import (
	"flag"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/mlcore"
)

var (
	qualitySeeds = flag.Int("quality.seeds", 5, "trainings with different seeds that TestQuality takes the median of")
	qualityAll   = flag.Bool("quality.all", false, "all these seeds also for what takes seconds to train once")
)

// On real data, divided as the reference was, our models are as good as those of Keras, or better: each metric's median over
// seeds, since a seed can be unlucky, is no worse than the reference's mean by more than two of its standard deviations.
func TestQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some thirty models")
	}
	for _, c := range qualityCases() {
		t.Run(c.name(), func(t *testing.T) {
			seeds := *qualitySeeds
			if c.slow && !*qualityAll {
				seeds = 1
			}
			e := &mlcore.Engine{}
			defer e.Close()
			c.run(t, e, seeds)
		})
	}
}

// Learnt load by load from files, they are as good.
func TestStreamedQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("trains some ten models")
	}
	memory := map[string]int64{"cars linear_scaled": 4 << 10, "diamonds linear_scaled": 512 << 10, "diamonds mlp_scaled": 512 << 10, "iris clf": 1 << 10,
		"phishing clf": 8 << 10, "airline_passengers lstm": 512} // bytes: a tenth of what there is, or less
	for _, c := range qualityCases() {
		if few, ok := memory[c.name()]; ok {
			t.Run(c.name(), func(t *testing.T) {
				e := &mlcore.Engine{Memory: few}
				defer e.Close()
				seeds := min(*qualitySeeds, 3)
				if c.set == "diamonds.csv.gz" {
					seeds = 1
				}
				c.run(t, e, seeds)
			})
		}
	}
}

// A qualityCase is a data set, a network that the reference learnt it with, and our model of it.
type qualityCase struct {
	set     string // a file of testdata/quality
	network string // of the reference
	model   retrain.Model
	slow    bool
}

func qualityCases() []qualityCase {
	return []qualityCase{
		{"cars.csv", "linear_scaled", cars(retrain.Regression), false},
		{"cars.csv", "mlp_scaled", hidden(cars(retrain.NeuralNetwork)), false},
		{"diamonds.csv.gz", "linear_scaled", diamonds(retrain.Regression), false},
		{"diamonds.csv.gz", "mlp_scaled", hidden(diamonds(retrain.NeuralNetwork)), false},
		{"iris.csv", "clf", retrain.Model{Type: retrain.Classification, Target: retrain.Names{"species"},
			Features: []string{"sepal_length", "sepal_width", "petal_length", "petal_width"}}, false},
		{"phishing.csv", "clf", retrain.Model{Type: retrain.Classification, Target: retrain.Names{"is_phishing"},
			Features: []string{"empty_server_form_handler", "popup_window", "https", "request_from_other_domain", "anchor_from_other_domain",
				"is_popular", "long_url", "age_of_domain", "ip_in_url"}}, false},
		{"airline_passengers.csv", "lstm", lstm("passengers", "month", 12), false},
		{"chicago_ridership.csv", "lstm", lstm("ridership", "date", 7), true},
	}
}

func (c *qualityCase) name() string {
	set, _, _ := strings.Cut(c.set, ".")
	return set + " " + c.network
}

// run trains with as many seeds and compares the medians with the reference.
func (c *qualityCase) run(t *testing.T, e *mlcore.Engine, seeds int) {
	t.Helper()
	set, _, _ := strings.Cut(c.set, ".")
	m := c.model
	m.Name, m.Resource = set, set
	m.ModelConfig.ValidationSplit = new(float64) // all that may be learnt is
	reached := make(map[string][]float64)        // by metric, one of each seed
	data, began := divided(t, c.set), time.Now()
	for seed := range seeds {
		m.Seed = uint64(seed + 1)
		for metric, v := range judged(t, e, m, data) {
			reached[metric] = append(reached[metric], v)
		}
	}
	t.Logf("%.1f s a training", time.Since(began).Seconds()/float64(seeds))
	goals := reference(t, set, c.network)
	for _, metric := range slices.Sorted(maps.Keys(reached)) {
		goal, known := goals[metric]
		if !known {
			continue
		}
		got := median(reached[metric])
		t.Logf("%-8s %9.4f of %.4f   Keras %9.4f ± %.4f", metric, got, reached[metric], goal.Mean, goal.SD)
		if goal.worse(metric, got) {
			t.Errorf("%s: got %.4f, Keras has %.4f ± %.4f", metric, got, goal.Mean, goal.SD)
		}
	}
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

func cars(kind retrain.Kind) retrain.Model {
	return retrain.Model{Type: kind, Target: retrain.Names{"miles_per_gallon"},
		Features: []string{"cylinders", "displacement", "horsepower", "weight_in_lbs", "acceleration", "model", "origin"},
		Map:      map[string]string{"model": `"of " + year`}} // years as levels, as the reference has them
}

func diamonds(kind retrain.Kind) retrain.Model {
	return retrain.Model{Type: kind, Target: retrain.Names{"price"},
		Features: []string{"carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"}}
}

func hidden(m retrain.Model) retrain.Model {
	m.ModelConfig.Layers = []retrain.Layer{{Units: 64}}
	return m
}

func lstm(target, orderBy string, lookback int) retrain.Model {
	m := retrain.Model{Type: retrain.TimeSeries, Target: retrain.Names{target}, Features: []string{target}}
	m.ModelConfig = retrain.ModelConfig{Lookback: lookback, OrderBy: orderBy, Dropout: new(float64), RecurrentDropout: new(float64)}
	return m
}

// judged trains a model and returns how good its predictions of the test rows are.
func judged(t *testing.T, e *mlcore.Engine, m retrain.Model, data division) map[string]float64 {
	t.Helper()
	s, err := mlcore.Load(train(t, e, retrain.Job{Model: m, Data: tables(data.train)}).Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	asked := data.test
	if n := m.ModelConfig.Lookback; n > 0 { // each row from those before it
		asked = slices.Concat(data.train[len(data.train)-n:], data.test[:len(data.test)-1])
	}
	predictions, err := s.Predict(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	truth := truths(data.test, m.Target[0])
	if len(predictions) != len(truth) {
		t.Fatalf("%d predictions of %d rows", len(predictions), len(truth))
	}
	if m.Type == retrain.Classification {
		return shareRight(predictions, truth)
	}
	return misses(predictions, truth)
}

func shareRight(predictions []retrain.Prediction, truth []any) map[string]float64 {
	right := 0.0
	for i, p := range predictions {
		if p.Prediction == truth[i] {
			right++
		}
	}
	return map[string]float64{"accuracy": right / float64(len(truth))}
}

func misses(predictions []retrain.Prediction, truth []any) map[string]float64 {
	var mean, absolute, square, spread, relative float64
	n := float64(len(truth))
	for _, v := range truth {
		mean += v.(float64) / n
	}
	for i, v := range truth {
		want := v.(float64)
		miss := predictions[i].Prediction.(float64) - want
		absolute += math.Abs(miss) / n
		square += miss * miss
		spread += (want - mean) * (want - mean)
		relative += 100 * math.Abs(miss/want) / n
	}
	return map[string]float64{"mae": absolute, "rmse": math.Sqrt(square / n), "r2": 1 - square/spread, "mape": relative}
}
