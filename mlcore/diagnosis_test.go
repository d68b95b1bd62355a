package mlcore_test

import (
	"math"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// The pairs are those that the metrics come from, as long as there are not too many.
func TestDiagnosisAgreesWithTheMetrics(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	models := kinds()
	for name, ordered := range map[string]bool{"linear": false, "series": true} {
		v := train(t, e, retrain.Job{Model: models[name], Data: tables(products(60))})
		d, err := mlcore.ReadDetails(&v.Fit)
		if err != nil {
			t.Fatal(err)
		}
		if d.Diagnosis == nil || d.Diagnosis.Ordered != ordered || len(d.Diagnosis.Targets) != 1 {
			t.Fatalf("%s: got %+v", name, d.Diagnosis)
		}
		pairs := d.Diagnosis.Targets[0]
		sum := 0.0
		for i := range pairs.Actual {
			sum += math.Abs(pairs.Actual[i] - pairs.Predicted[i])
		}
		got, want := sum/float64(len(pairs.Actual)), v.Metrics["mae"]
		if len(pairs.Actual) != d.HoldoutRows || math.Abs(got-want) > 1e-3*want {
			t.Errorf("%s: %d pairs are off by %g on average, want %d and %g", name, len(pairs.Actual), got, d.HoldoutRows, want)
		}
	}
}

// Whoever looks late sees the whole curve, and never too much of it.
func TestProgressHasTheCurve(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	m := kinds()["linear"]
	m.ModelConfig.Epochs = 500
	var last retrain.Progress
	v := train(t, e, retrain.Job{Model: m, Data: tables(products(60)), Progress: func(p retrain.Progress) { last = p }})
	c := last.Curve
	if c == nil || len(c.Epochs) > 120 || len(c.Epochs) != len(c.Losses) || len(c.Losses) != len(c.ValLosses) {
		t.Fatalf("got %+v", c)
	}
	n := len(c.Epochs)
	for i, epoch := range c.Epochs {
		if i > 0 && epoch <= c.Epochs[i-1] {
			t.Errorf("epoch %d comes behind %d", epoch, c.Epochs[i-1])
		}
		if got, want := c.Losses[i], v.Losses[epoch-1]; math.Abs(got-want) > 1e-4*want {
			t.Errorf("epoch %d: got loss %g, want %g", epoch, got, want)
		}
	}
	if got, want := c.Epochs[n-1], last.CurrentEpoch; got < want-1 {
		t.Errorf("the curve ends with epoch %d of %d", got, want)
	}
}
