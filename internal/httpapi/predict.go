package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"retrain"
)

// A Predictor answers with champions; *retrain.Live is one.
type Predictor interface {
	Predict(ctx context.Context, model string, records []retrain.Record) ([]retrain.Prediction, int, error)
	Forecast(ctx context.Context, model string, latest []retrain.Record, steps int) ([]retrain.Prediction, int, error)
	Version(model string) int // 0 for none
	Ready() bool
}

// A Declared knows the models that were applied; *retrain.Catalog is one.
type Declared interface {
	Specs(ctx context.Context) (retrain.Specs, error)
}

// Predictions is the server of a prediction worker.
type Predictions struct {
	Live    Predictor
	Catalog Declared
	Latest  func(ctx context.Context, model string) ([]retrain.Record, error) // the stored records that a forecast begins with
	Metrics *Metrics
	Most    int64 // bytes of a request; 0: 32 MiB
	Log     *slog.Logger
}

// Handler returns the server's paths.
func (p *Predictions) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/models/{question}", p.ask)
	mux.HandleFunc("GET /v1/models", p.list)
	mux.HandleFunc("GET /v1/models/{model}", p.describe)
	mux.HandleFunc("GET /readyz", p.readyz)
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /metrics", p.Metrics)
	mux.Handle("GET /monitoring/prometheus/metrics", p.Metrics) // where TensorFlow Serving has them
	mux.HandleFunc("/", noSuchPath)
	return mux
}

// ask answers /v1/models/price:predict and /v1/models/sales:forecast.
func (p *Predictions) ask(w http.ResponseWriter, r *http.Request) {
	model, verb, _ := strings.Cut(r.PathValue("question"), ":")
	answer, ok := map[string]func(http.ResponseWriter, *http.Request, string) (int, int, error){"predict": p.predict, "forecast": p.forecast}[verb]
	if !ok {
		noSuchPath(w, r)
		return
	}
	p.Metrics.atWork.Inc()
	defer p.Metrics.atWork.Dec()
	began := time.Now()
	version, rows, err := answer(w, r, model)
	if p.Live.Version(model) == 0 {
		model = "" // names that nobody answers to are no labels: callers could invent them without end
	}
	p.Metrics.predicted(model, version, rows, status(err), time.Since(began))
	if err != nil {
		refuse(w, r, p.Log, err)
	}
}

// predict answers unless it returns an error.
func (p *Predictions) predict(w http.ResponseWriter, r *http.Request, model string) (version, rows int, err error) {
	b, err := body(w, r, p.most())
	if err != nil {
		return 0, 0, err
	}
	records, err := instances(b)
	if err != nil {
		return 0, 0, err
	}
	predictions, version, err := p.Live.Predict(r.Context(), model, records)
	if version != 0 {
		w.Header().Set("X-Model-Version", strconv.Itoa(version))
	}
	if err != nil {
		return version, len(records), err
	}
	if err := allFinite(predictions); err != nil {
		return version, len(records), err
	}
	if details, _ := strconv.ParseBool(r.URL.Query().Get("details")); details {
		answer(w, http.StatusOK, detailed{predictions, version})
	} else {
		answer(w, http.StatusOK, bare(predictions))
	}
	return version, len(records), nil
}

func (p *Predictions) most() int64 { return cmp.Or(p.Most, 32<<20) }

// instances reads {"instances":[{…},…]}.
func instances(b []byte) ([]retrain.Record, error) {
	var request struct {
		Instances *[]retrain.Record `json:"instances"`
	}
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err).WithHint("%s", example)
	}
	if request.Instances == nil {
		return nil, retrain.Errorf(retrain.DataValidationError, `the request has no "instances"`).WithHint("%s", example)
	}
	return *request.Instances, nil
}

const example = `send {"instances":[{"cost":100,"demand":5}]}: a list of records by the names of their fields`

// detailed is the answer to ?details=true.
type detailed struct {
	Predictions []retrain.Prediction `json:"predictions"`
	Version     int                  `json:"version"`
}

// bare is the answer that TensorFlow Serving gives: the values alone.
func bare(predictions []retrain.Prediction) any {
	return map[string]any{"predictions": values(predictions)}
}

func values(predictions []retrain.Prediction) []any {
	list := make([]any, len(predictions))
	for i, p := range predictions {
		list[i] = p.Prediction
	}
	return list
}

// allFinite refuses what only records far outside of anything learnt can bring about.
func allFinite(predictions []retrain.Prediction) error {
	for i, p := range predictions {
		numbers := []any{p.Prediction}
		if p.Confidence != nil {
			numbers = append(numbers, *p.Confidence)
		}
		if p.Interval != nil {
			numbers = append(numbers, p.Interval[0], p.Interval[1])
		}
		for _, v := range p.Probabilities {
			numbers = append(numbers, v)
		}
		if !finite(numbers) {
			return retrain.Errorf(retrain.DataValidationError, "instance %d: the answer is no finite number: its values are too large", i)
		}
	}
	return nil
}
