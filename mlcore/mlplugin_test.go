package mlcore_test

import (
	"bytes"
	"math"
	"os"
	"testing"

	"retrain"
	"retrain/mlcore"
	"retrain/mlcore/portable"
)

// imported makes a version of an export of MLPlugin.
func imported(t *testing.T, name string) retrain.Version {
	t.Helper()
	file, err := os.ReadFile("portable/testdata/mlplugin-" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := portable.ReadAny(file)
	if err != nil {
		t.Fatal(err)
	}
	var ours bytes.Buffer
	if err := m.Write(&ours); err != nil {
		t.Fatal(err)
	}
	return train(t, &mlcore.Engine{}, retrain.Job{Model: m.Spec, Import: ours.Bytes()}).Version
}

// The expected numbers are worked out by hand from the fixtures' weights, as TensorFlow.js computes.
func TestMLPluginExportsAnswerAsTheyDid(t *testing.T) {
	// 0.5·(40/100) + 0.25·0.5 + 0.125 = 0.45 of 10 to 210; demand never changed: 0.5.
	p := answersOf(t, imported(t, "regression"), []retrain.Record{{"cost": 40.0, "demand": 5.0}})
	if got := p[0].Prediction.(float64); math.Abs(got-100) > 1e-4 {
		t.Errorf("regression: got %v, want 100", got)
	}

	// relu([0.5, 2·1 + 0.5]) = [0.5, 2.5]; elu(0.5 + 2.5) = 3; sigmoid(2·3 − 1).
	p = answersOf(t, imported(t, "classification"), []retrain.Record{{"links": 5.0, "caps": 1.0}})
	if got, want := p[0].Probabilities["spam"], 1/(1+math.Exp(-5)); p[0].Prediction != "spam" || math.Abs(got-want) > 1e-5 {
		t.Errorf("classification: got %v, %v, want spam, %v", p[0].Prediction, got, want)
	}

	// tanh([0.5, −0.5 + 0.5]), normalised, then 0.5 and 0.25 of the two.
	first := (math.Tanh(0.5) - 0.25) / math.Sqrt(1+1e-3)
	want := 100 * (0.5*first + 0.25*1 + 0.1)
	p = answersOf(t, imported(t, "stored"), []retrain.Record{{"hours": 10.0}})
	if got := p[0].Prediction.(float64); math.Abs(got-want) > 1e-3 {
		t.Errorf("neural network: got %v, want %v", got, want)
	}

	series := []retrain.Record{{"visits": 1.0, "sales": 2.0}, {"visits": 4.0, "sales": 3.0}, {"visits": 2.0, "sales": 5.0}}
	p = answersOf(t, imported(t, "timeseries"), series)
	if got, want := p[0].Prediction.(float64), 10*lstmByHand(series); math.Abs(got-want) > 1e-3 {
		t.Errorf("time series: got %v, want %v", got, want)
	}
}

// lstmByHand is the fixture's network in plain Go: an LSTM of two units over [visits, sales], a relu layer, a sum.
func lstmByHand(records []retrain.Record) float64 {
	weight := func(i int) float64 { return float64((i*7)%11-5) / 10 } // as the fixture has them
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	var h, c [2]float64
	for _, r := range records {
		x := [2]float64{r["visits"].(float64) / 10, r["sales"].(float64) / 10}
		var z [8]float64
		for j := range z {
			z[j] = weight(j)
			for i := range 2 {
				z[j] += (x[i] + h[i]) * weight(8*i+j) // kernel and recurrent kernel have the same numbers
			}
		}
		for k := range 2 {
			c[k] = sigmoid(z[2+k])*c[k] + sigmoid(z[k])*math.Tanh(z[4+k])
			h[k] = sigmoid(z[6+k]) * math.Tanh(c[k])
		}
	}
	y := weight(0)
	for k := range 2 {
		y += max(0, h[0]*weight(k)+h[1]*weight(2+k)+weight(k)) * weight(k)
	}
	return y
}
