package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/httpapi"
)

// doubled answers version 7 of the model "price" with twice the cost; "new" is declared and untrained.
type doubled struct{ ready bool }

func (doubled) Predict(_ context.Context, model string, records []retrain.Record) ([]retrain.Prediction, int, error) {
	switch model {
	case "new":
		return nil, 0, retrain.Errorf(retrain.ModelNotTrainedError, "model %q has no version yet", model)
	case "broken":
		return nil, 0, errors.New("secret internals")
	case "price":
	default:
		return nil, 0, retrain.Errorf(retrain.ModelNotFoundError, "no model %q", model).WithHint("declared models: price, new")
	}
	predictions := make([]retrain.Prediction, len(records))
	for i, r := range records {
		cost, ok := r["cost"].(float64)
		if !ok {
			return nil, 7, retrain.Errorf(retrain.DataValidationError, "Missing features: cost")
		}
		predictions[i].Prediction = 2 * cost
		if cost < 0 {
			predictions[i].Prediction, predictions[i].Interval = 0.0, &[2]float64{cost * 1e300, 0}
		}
	}
	return predictions, 7, nil
}

func (doubled) Forecast(_ context.Context, model string, latest []retrain.Record, steps int) ([]retrain.Prediction, int, error) {
	if model != "price" {
		return nil, 0, retrain.Errorf(retrain.ModelNotFoundError, "no model %q", model)
	}
	forecast := make([]retrain.Prediction, steps)
	for i := range forecast {
		forecast[i].Prediction = float64(len(latest) + i)
	}
	return forecast, 7, nil
}

func (doubled) Version(model string) int { return map[string]int{"price": 7}[model] }

func (doubled) Serving() []string { return []string{"price"} }

func (d doubled) Ready() bool { return d.ready }

// Specs declares two models.
func (doubled) Specs(context.Context) (retrain.Specs, error) {
	return retrain.Specs{Models: []*retrain.Model{{Name: "new"}, {Name: "price"}}}, nil
}

func predictions(d doubled) http.Handler {
	metrics := httpapi.NewMetrics("test")
	metrics.Serves(d)
	return (&httpapi.Predictions{Live: d, Catalog: d, Metrics: metrics, Most: 1000, Latest: stored, Log: slog.New(slog.DiscardHandler)}).Handler()
}

func send(h http.Handler, method, path, body string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Result()
}

func TestPredict(t *testing.T) {
	h := predictions(doubled{ready: true})
	for _, test := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"one", "/v1/models/price:predict", `{"instances":[{"cost":1.5}]}`, 200, `{"predictions":[3]}`},
		{"in their order", "/v1/models/price:predict", `{"instances":[{"cost":1},{"cost":2}]}`, 200, `{"predictions":[2,4]}`},
		{"none", "/v1/models/price:predict", `{"instances":[]}`, 200, `{"predictions":[]}`},
		{"details", "/v1/models/price:predict?details=true", `{"instances":[{"cost":1}]}`, 200, `{"predictions":[{"prediction":2}],"version":7}`},
		{"a feature is missing", "/v1/models/price:predict", `{"instances":[{}]}`, 400, `{"error":"Missing features: cost","code":"DataValidationError"}`},
		{"no JSON", "/v1/models/price:predict", `cost=1`, 400, `DataValidationError`},
		{"half a JSON", "/v1/models/price:predict", `{"instances":[{"cost":`, 400, `DataValidationError`},
		{"a list", "/v1/models/price:predict", `[{"cost":1}]`, 400, `DataValidationError`},
		{"values without names", "/v1/models/price:predict", `{"instances":[1,2]}`, 400, `DataValidationError`},
		{"no instances", "/v1/models/price:predict", `{"inputs":{"cost":[1]}}`, 400, `has no \"instances\"`},
		{"too large an answer", "/v1/models/price:predict", `{"instances":[{"cost":1e308}]}`, 400, `no finite number`},
		{"too wide an interval", "/v1/models/price:predict?details=true", `{"instances":[{"cost":-1e10}]}`, 400, `no finite number`},
		{"too large a request", "/v1/models/price:predict", strings.Repeat(" ", 1001), 413, `too large`},
		{"an unknown model", "/v1/models/prize:predict", `{"instances":[]}`, 404, `"hint":"declared models: price, new"`},
		{"an untrained model", "/v1/models/new:predict", `{"instances":[]}`, 409, `ModelNotTrainedError`},
		{"our own fault", "/v1/models/broken:predict", `{"instances":[]}`, 500, `"internal error"`},
		{"another verb", "/v1/models/price:explain", `{}`, 404, `NotFoundError`},
		{"no verb", "/v1/models/price", `{}`, 404, `NotFoundError`},
		{"another path", "/v2", `{}`, 404, `NotFoundError`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := send(h, http.MethodPost, test.path, test.body)
			got, _ := io.ReadAll(r.Body)
			if r.StatusCode != test.status || !strings.Contains(string(got), test.want) {
				t.Errorf("got %d %s\nwant %d %s", r.StatusCode, got, test.status, test.want)
			}
			if r.StatusCode == http.StatusOK && r.Header.Get("X-Model-Version") != "7" {
				t.Errorf("X-Model-Version: got %q, want 7", r.Header.Get("X-Model-Version"))
			}
			if !json.Valid(got) {
				t.Errorf("got no JSON: %s", got)
			}
		})
	}
}

func TestModels(t *testing.T) {
	h := predictions(doubled{ready: true})
	for path, want := range map[string]string{
		"/v1/models":       `{"models":["new","price"]}`,
		"/v1/models/price": `{"model_version_status":[{"version":"7","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}],"name":"price","ready":true}`,
		"/v1/models/new":   `{"model_version_status":[],"name":"new","ready":false}`,
		"/v1/models/prize": `{"error":"no model \"prize\"","code":"ModelNotFoundError"}`,
	} {
		got, _ := io.ReadAll(send(h, http.MethodGet, path, "").Body)
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestReady(t *testing.T) {
	for ready, want := range map[bool]int{true: 200, false: 503} {
		if got := send(predictions(doubled{ready}), http.MethodGet, "/readyz", "").StatusCode; got != want {
			t.Errorf("ready %v: got %d, want %d", ready, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	h := predictions(doubled{ready: true})
	send(h, http.MethodPost, "/v1/models/price:predict", `{"instances":[{"cost":1}]}`)
	send(h, http.MethodPost, "/v1/models/invented:predict", `{`)
	got, _ := io.ReadAll(send(h, http.MethodGet, "/metrics", "").Body)
	for _, want := range []string{
		`retrain_predictions_total{code="200",model="price",version="7"} 1`,
		`retrain_predictions_total{code="400",model="",version="0"} 1`,
		`retrain_prediction_duration_seconds_count{model="price"} 1`,
		`retrain_prediction_batch_rows_sum 1`,
		`retrain_model_info{model="price",version="7"} 1`,
		`retrain_predictor_ready 1`,
		`retrain_build_info{`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// Whatever is sent, the answer is JSON and never our fault.
func FuzzPredict(f *testing.F) {
	for _, body := range []string{`{"instances":[{"cost":1}]}`, `{"instances":null}`, `{"instances":[null]}`, `{"instances":[{"cost":-1e308}]}`, "\xff", `{"instances":[{"cost":{"a":[]}}]}`} {
		f.Add(body)
	}
	h := predictions(doubled{ready: true})
	f.Fuzz(func(t *testing.T, body string) {
		r := send(h, http.MethodPost, "/v1/models/price:predict", body)
		got, _ := io.ReadAll(r.Body)
		if r.StatusCode >= http.StatusInternalServerError || !json.Valid(got) {
			t.Errorf("got %d %s", r.StatusCode, got)
		}
	})
}

// What is read as records is, written again, read as the same number of records; anything else is the caller's fault.
func FuzzRecords(f *testing.F) {
	for _, body := range []string{`[{"id":"a"}]`, "{}\n{}", `[`, `[{}`, `[{}] x`, `null`, "\xff", `[[]]`, ` [ ] `} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		records, err := httpapi.RecordsOf([]byte(body))
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Errorf("got %v, want a DataValidationError", err)
			}
			return
		}
		b, err := json.Marshal(records)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := httpapi.RecordsOf(b); err != nil || len(again) != len(records) {
			t.Errorf("got %d records, %v, want %d", len(again), err, len(records))
		}
	})
}

func TestAnswersThatJSONCannotWrite(t *testing.T) {
	for _, v := range []any{math.Inf(1), math.NaN(), []float64{1, math.Inf(-1)}, []any{math.NaN()}} {
		if httpapi.Finite(v) {
			t.Errorf("%v is finite", v)
		}
	}
}
