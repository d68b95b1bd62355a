package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"retrain"
	"retrain/internal/httpapi"
)

// A shop has versions in plain Go: what TensorFlow does is tested elsewhere. "new" is declared and untrained, "broken" fails.
type shop struct{ ready bool }

// What the manifests of the shop's versions say.
var preparations = map[string]string{
	"price": `{"format":1,"features":[{"name":"cost","form":"number","max":1}],"targets":[{"name":"price","max":1}],"onMissing":"skip"}`,
	"iris": `{"format":1,"features":[{"name":"length","form":"number","max":1},{"name":"colour","form":"category","levels":["blue","red"]},{"name":"wild","form":"boolean"},
		{"name":"found","form":"date","max":1}],"targets":[{"name":"kind","classes":["rose","tulip"],"of":"category"}],"onMissing":"mean"}`,
	"sales": `{"format":1,"lookback":2,"features":[{"name":"day","form":"number","max":1},{"name":"sold","form":"number","max":1}],
		"targets":[{"name":"sold","max":1}],"onMissing":"skip"}`,
	"pair": `{"format":1,"map":{"area":"width * height"},"features":[{"name":"area","form":"number","max":1}],"targets":[{"name":"a","max":1},{"name":"b","max":1}],"onMissing":"skip"}`,
}

const details = `{"interval":{"level":0.9,"halfWidth":1},"examples":[{"records":[{"width":2,"height":3}]}]}`

var manifests = func() map[string]*retrain.Manifest {
	all := make(map[string]*retrain.Manifest)
	for name, p := range preparations {
		all[name] = &retrain.Manifest{Model: name, Version: 7, Fit: retrain.Fit{Preparation: json.RawMessage(p), Details: json.RawMessage(details)}}
	}
	return all
}()

// Use implements httpapi.Models: there are the versions 7, which serves, and 5, the one before.
func (shop) Use(_ context.Context, model string, which retrain.Which) (httpapi.Version, error) {
	switch {
	case model == "new":
		return nil, retrain.Errorf(retrain.ModelNotTrainedError, "model %q has no version yet", model)
	case manifests[model] == nil && model != "broken":
		return nil, retrain.Errorf(retrain.ModelNotFoundError, "no model %q", model).WithHint("declared models: new, price")
	case which.Version == 5, which.Label == "previous":
		before := *manifests[model]
		before.Version = 5
		return sold{model, &before}, nil
	case which.Version != 0 && which.Version != 7, which.Label != "" && which.Label != "champion":
		return nil, retrain.Errorf(retrain.NotFoundError, "model %q has no such version", model)
	case model == "broken":
		return sold{model, &retrain.Manifest{Version: 7}}, nil
	}
	return sold{model, manifests[model]}, nil
}

func (shop) Version(model string) int {
	if manifests[model] == nil {
		return 0
	}
	return 7
}

func (s shop) Loaded(model string) []int {
	if s.Version(model) == 0 {
		return nil
	}
	return []int{5, 7}
}

func (shop) Refused() []retrain.Refusal {
	return []retrain.Refusal{{Model: "price", Version: 6, Reason: "it gives no numbers"}}
}

func (shop) Answering() []retrain.Answering {
	return []retrain.Answering{{Model: "price", Manifest: manifests["price"]}}
}

func (s shop) Ready() bool { return s.ready }

// Specs declares two models.
func (shop) Specs(context.Context) (retrain.Specs, error) {
	return retrain.Specs{Models: []*retrain.Model{{Name: "new"}, {Name: "price"}}}, nil
}

// A sold is one version.
type sold struct {
	model    string
	manifest *retrain.Manifest
}

func (v sold) Version() int                { return v.manifest.Version }
func (v sold) Manifest() *retrain.Manifest { return v.manifest }
func (sold) Done()                         {}

// Predict answers price with twice the cost, iris with a rose unless the colour is red, sales with the sum of what was sold, and
// pair with width and height.
func (v sold) Predict(ctx context.Context, records []retrain.Record) ([]retrain.Prediction, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if v.model == "broken" && len(records) > 0 && records[0]["cost"] == nil {
		return nil, retrain.Errorf(retrain.PredictionError, "the library says no")
	}
	if v.model == "broken" {
		return nil, errors.New("secret internals")
	}
	predictions := make([]retrain.Prediction, 0, len(records))
	for _, r := range records {
		p, err := v.predict(r)
		if err != nil {
			return nil, err
		}
		predictions = append(predictions, p)
	}
	if v.model == "sales" && len(records) > 1 {
		for i, p := range predictions[1:] {
			predictions[i].Prediction = predictions[i].Prediction.(float64) + p.Prediction.(float64)
		}
		predictions = predictions[:len(records)-1]
	}
	return predictions, nil
}

func (v sold) predict(r retrain.Record) (p retrain.Prediction, err error) {
	number := func(name string) float64 {
		n, ok := r[name].(float64)
		if !ok {
			err = retrain.Errorf(retrain.DataValidationError, "Missing features: %s", name)
		}
		return n
	}
	switch v.model {
	case "iris":
		likely, red := 0.75, r["colour"] == "red"
		p.Prediction, p.Confidence, p.Probabilities = "rose", &likely, map[string]float64{"rose": 0.75, "tulip": 0.25}
		if red {
			p.Prediction, p.Probabilities = "tulip", map[string]float64{"rose": 0.25, "tulip": 0.75}
		}
	case "sales":
		p.Prediction = number("sold")
	case "pair":
		p.Prediction = []float64{number("width"), number("height")}
	default:
		cost := number("cost")
		p.Prediction, p.Interval = 2*cost, &[2]float64{2*cost - 1, 2*cost + 1}
		if cost < 0 {
			p.Prediction, p.Interval = 0.0, &[2]float64{cost * 1e300, 0}
		}
	}
	return p, err
}

func (v sold) Forecast(_ context.Context, latest []retrain.Record, steps int) ([]retrain.Prediction, error) {
	if v.model != "sales" {
		return nil, retrain.Errorf(retrain.PredictionError, "model %q has no forecast", v.model)
	}
	forecast := make([]retrain.Prediction, steps)
	for i := range forecast {
		forecast[i].Prediction = float64(len(latest) + i)
	}
	return forecast, nil
}

// stored are the records of "sales" that a forecast begins with where none are sent.
func stored(context.Context, string) ([]retrain.Record, error) {
	return make([]retrain.Record, 10), nil
}

// AnswerJSON reads costs and nothing else; one more than there is room for costs -429.
func (v sold) AnswerJSON(ctx context.Context, text []byte, most int, out []byte) (answer []byte, rows int, ok bool, err error) {
	var request struct {
		Instances []map[string]json.RawMessage `json:"instances"`
	}
	if err := json.Unmarshal(text, &request); err != nil || v.model != "price" || len(request.Instances) == 0 || len(request.Instances) > most {
		return out, 0, false, nil //nolint:nilerr // it is read otherwise
	}
	var values []float64
	if usual, err := json.Marshal(request); err != nil || string(usual) != string(text) {
		return out, 0, false, nil //nolint:nilerr // it is read otherwise
	}
	if err := ctx.Err(); err != nil {
		return out, 0, true, err
	}
	for _, r := range request.Instances {
		cost, err := strconv.ParseFloat(string(r["cost"]), 64)
		if cost == -429 {
			return out, 0, true, retrain.Errorf(retrain.OverloadedError, "too many wait")
		}
		if err != nil || len(r) != 1 || cost < 0 || cost > 1e3 {
			return out, 0, false, nil //nolint:nilerr // it is read otherwise
		}
		values = append(values, 2*cost)
	}
	b, err := json.Marshal(map[string]any{"predictions": values})
	return append(append(out, b...), '\n'), len(values), true, err
}

func predictions(s shop) http.Handler { return server(s).Handler() }

func server(s shop) *httpapi.Predictions {
	metrics := httpapi.NewMetrics("test")
	metrics.Serves(s)
	return &httpapi.Predictions{Models: s, Catalog: s, Metrics: metrics, Most: 1000, Rows: 50, Latest: stored, Log: slog.New(slog.DiscardHandler)}
}

// A dialogue is a request and what must stand in its answer.
type dialogue struct {
	name, path, body string
	status           int
	want             string
}

// exact says that the whole answer is meant.
func exact(want string) bool {
	return strings.HasPrefix(want, `{"predictions"`) || strings.HasPrefix(want, `{"outputs"`) || strings.HasPrefix(want, `{"results"`)
}
