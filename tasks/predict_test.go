package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"retrain"
	"retrain/tasks"
)

func TestAPredictionThroughTheQueue(t *testing.T) {
	c := connect(t)
	half := 0.5
	work(t, &tasks.Worker{Conn: c, Predict: func(_ context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error) {
		if model != "price" || which != (retrain.Which{Version: 7, Label: "new"}) && which.Version != 6 || which.Version == 7 && (len(records) != 2 || records[1]["cost"] != 2.5 || records[1]["category"] != "toys") {
			t.Errorf("asked for %s: %v", model, records)
		}
		return []retrain.Prediction{{Prediction: 1.25}, {Prediction: "toys", Confidence: &half}}, 7, nil
	}})
	p := &tasks.Predictor{Conn: c}
	for range 3 {
		began := time.Now()
		got, version, err := p.Predict(t.Context(), "price", retrain.Which{Version: 7, Label: "new"}, []retrain.Record{{"cost": 1}, {"cost": 2.5, "category": "toys"}})
		must(t, err)
		if version != 7 || len(got) != 2 || got[0].Prediction != 1.25 || *got[1].Confidence != 0.5 {
			t.Errorf("got %v, version %d", got, version)
		}
		t.Logf("took %v", time.Since(began))
	}
	if _, _, err := p.Predict(t.Context(), "price", retrain.Which{Version: 6}, nil); !errors.Is(err, retrain.PredictionError) {
		t.Errorf("another version answers: got %v, want a PredictionError", err)
	}
}

func TestAnErrorOfAPredictionKeepsItsClass(t *testing.T) {
	c := connect(t)
	var fail error
	work(t, &tasks.Worker{Conn: c, Predict: func(context.Context, string, retrain.Which, []retrain.Record) ([]retrain.Prediction, int, error) {
		return nil, 0, fail
	}})
	p := &tasks.Predictor{Conn: c}
	for _, test := range []struct {
		fail error
		want retrain.Error
	}{
		{retrain.Errorf(retrain.DataValidationError, "Missing features: demand").WithHint("it has cost"),
			retrain.Error{Code: retrain.DataValidationError, Message: "Missing features: demand", Hint: "it has cost"}},
		{errors.New("out of luck"), retrain.Error{Code: retrain.PredictionError, Message: "out of luck"}},
	} {
		fail = test.fail
		_, _, err := p.Predict(t.Context(), "price", retrain.Which{}, nil)
		if got, ok := errors.AsType[*retrain.Error](err); !ok || *got != test.want {
			t.Errorf("got %v, want %v", err, test.want)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := connect(t)
	p := &tasks.Predictor{Conn: c, Timeout: 300 * time.Millisecond}
	if _, _, err := p.Predict(t.Context(), "price", retrain.Which{}, nil); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("got %v, want an UnavailableError", err)
	}
	if d := depth(t, c, "predict"); d.Pending != 0 {
		t.Errorf("%d questions still wait", d.Pending)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Predict(ctx, "price", retrain.Which{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
