package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/api"
	"retrain/internal/dialect"
)

// Models are the loaded versions; Live makes them of a *retrain.Live.
type Models interface {
	// Use returns a version, which must be told when it is done with.
	Use(ctx context.Context, model string, which retrain.Which) (Version, error)
	Version(model string) int  // which answers now; 0 for none
	Loaded(model string) []int // all that are loaded, ascending
	Refused() []retrain.Refusal
	Ready() bool
}

// A Version is one that answers; retrain.Using is one.
type Version interface {
	Version() int
	Manifest() *retrain.Manifest
	Predict(ctx context.Context, records []retrain.Record) ([]retrain.Prediction, error)
	Forecast(ctx context.Context, latest []retrain.Record, steps int) ([]retrain.Prediction, error)
	Done()
}

// Live is a *retrain.Live as its Models.
type Live struct{ *retrain.Live }

// Use implements Models.
func (l Live) Use(ctx context.Context, model string, which retrain.Which) (Version, error) {
	return l.Live.Use(ctx, model, which)
}

// Declared knows the models that were applied; *retrain.Catalog is one.
type Declared interface {
	Specs(ctx context.Context) (retrain.Specs, error)
}

// Predictions is the server of a prediction worker. It speaks three dialects over the same versions: records by name, TensorFlow
// Serving's REST API, and the Open Inference Protocol.
type Predictions struct {
	Models  Models
	Catalog Declared
	Latest  func(ctx context.Context, model string) ([]retrain.Record, error) // the stored records that a forecast begins with
	Metrics *Metrics
	Most    int64 // bytes of a request, unpacked; 32 MiB
	Rows    int   // records of a request; 100,000
	Log     *slog.Logger
	Watched func(h http.Handler) http.Handler // what watches each request; nil: nothing does

	schemas schemas
}

// Handler returns the server of the routes.
func (p *Predictions) Handler() http.Handler {
	routes := p.Routes()
	for i := range routes {
		if !open[routes[i].Path] {
			routes[i].Do = permitted(api.RoleRead, p.Catalog, dialects(p.Log), routes[i].Do)
		}
	}
	return routed(routes, dialects(p.Log))
}

// Routes returns all that the server answers.
func (p *Predictions) Routes() []Route {
	list := []Route{
		{http.MethodGet, "/{$}", "whether the process lives, where KServe asks", alive},
		{http.MethodGet, "/v1/models", "the names of all models", p.list},
		{http.MethodGet, "/readyz", "whether every champion is loaded", p.readyz},
		{http.MethodGet, "/healthz", "whether the process lives", healthz},
		{http.MethodGet, "/metrics", "numbers for Prometheus", p.Metrics.ServeHTTP},
		{http.MethodGet, "/monitoring/prometheus/metrics", "the same where TensorFlow Serving has them", p.Metrics.ServeHTTP},
	}
	for _, which := range []string{"/v1/models/{model}", "/v1/models/{model}/versions/{version}", "/v1/models/{model}/labels/{label}"} {
		list = append(list,
			Route{http.MethodGet, which, "which versions answer", p.status},
			Route{http.MethodGet, which + "/metadata", "what a version takes and gives", p.metadata},
			Route{http.MethodPost, which + ":predict", "predictions for records, rows or columns", p.asked(p.predict)},
			Route{http.MethodPost, which + ":classify", "the classes of examples with their scores", p.asked(p.examples(dialect.Classify))},
			Route{http.MethodPost, which + ":regress", "the values of examples", p.asked(p.examples(dialect.Regress))},
			Route{http.MethodPost, which + ":forecast", "the next values of a time series", p.asked(p.forecast)})
	}
	return append(list, p.openInference()...)
}

// An ask is a question to a version, and what it comes to.
type ask struct {
	model string
	which retrain.Which
	body  []byte

	version Version // once it is used
	rows    int     // that were asked for
}

// asked returns a handler that reads a request, lets do answer it, and counts it. do answers unless it returns an error.
func (p *Predictions) asked(do func(w http.ResponseWriter, r *http.Request, a *ask) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.Metrics.atWork.Inc()
		defer p.Metrics.atWork.Dec()
		began := time.Now()
		a := &ask{model: r.PathValue("model")}
		in, cancel, err := hurried(r)
		defer cancel()
		if err == nil {
			err = p.read(w, in, a)
		}
		if err == nil {
			err = do(w, in, a)
		}
		version := 0
		if a.version != nil {
			version = a.version.Version()
			a.version.Done()
		}
		if version == 0 && p.Models.Version(a.model) == 0 {
			a.model = "" // names that nobody answers to are no labels: callers could invent them without end
		}
		p.Metrics.predicted(a.model, version, a.rows, status(err), time.Since(began))
		if err != nil {
			refuse(w, r, p.Log, servable(r, err))
		}
	}
}

// read reads what is asked of which version, and gets hold of that.
func (p *Predictions) read(w http.ResponseWriter, r *http.Request, a *ask) (err error) {
	if a.which, err = whichOf(r); err != nil {
		return err
	}
	if a.body, err = body(w, r, p.most()); err != nil {
		return err
	}
	return p.use(w, r, a)
}

func (p *Predictions) use(w http.ResponseWriter, r *http.Request, a *ask) (err error) {
	v, err := p.Models.Use(r.Context(), a.model, a.which)
	if err == nil {
		a.version = v
		w.Header().Set("X-Model-Version", strconv.Itoa(v.Version()))
	}
	return err
}

func (p *Predictions) schema(a *ask) (*dialect.Schema, error) {
	return p.schemas.of(a.version.Manifest())
}

// predict answers records by name, and the row and column format of TensorFlow Serving.
func (p *Predictions) predict(w http.ResponseWriter, r *http.Request, a *ask) error {
	wanted, err := detailsOf(r)
	if err != nil {
		return err
	}
	if fast, ok := a.version.(answerer); ok && wanted == nil {
		answer, rows, ok, err := fast.AnswerJSON(r.Context(), a.body, p.mostRows(), nil)
		if a.rows = rows; err != nil {
			return err
		}
		if ok {
			written(w, answer)
			return nil
		}
	}
	q, err := dialect.ReadPredict(a.body, func() (*dialect.Schema, error) { return p.schema(a) })
	if err != nil {
		return err
	}
	predictions, err := p.predictions(r.Context(), a, q)
	if err != nil {
		return err
	}
	return p.writePredictions(w, a, wanted, q, predictions)
}

func (p *Predictions) writePredictions(w http.ResponseWriter, a *ask, d details, q *dialect.Question, predictions []retrain.Prediction) error {
	if d != nil {
		return write(w, map[string]any{"predictions": d.of(predictions), "version": a.version.Version()})
	}
	return write(w, q.Answer(predictions))
}

// examples answers Classify or Regress.
func (p *Predictions) examples(method string) func(w http.ResponseWriter, r *http.Request, a *ask) error {
	return func(w http.ResponseWriter, r *http.Request, a *ask) error {
		s, err := p.schema(a)
		if err != nil {
			return err
		}
		q, err := s.ReadExamples(a.body, method)
		if err != nil {
			return err
		}
		predictions, err := p.predictions(r.Context(), a, q)
		if err != nil {
			return err
		}
		return write(w, s.Results(method, predictions))
	}
}

// predictions answers a question: in one go, or window by window.
func (p *Predictions) predictions(ctx context.Context, a *ask, q *dialect.Question) ([]retrain.Prediction, error) {
	a.rows = q.Rows()
	if most := p.mostRows(); len(q.Records) > most {
		return nil, tooLarge("the request has %d records, it may have %d", len(q.Records), most)
	}
	if q.Window == 0 {
		predictions, err := a.version.Predict(ctx, q.Records)
		return predictions, errors.Join(err, allFinite(predictions))
	}
	all := make([]retrain.Prediction, 0, a.rows)
	for window := range slices.Chunk(q.Records, q.Window) {
		predictions, err := a.version.Predict(ctx, window)
		if err != nil {
			return nil, err
		}
		all = append(all, predictions...)
	}
	return all, allFinite(all)
}

func (p *Predictions) most() int64 {
	if p.Most > 0 {
		return p.Most
	}
	return 32 << 20
}

func (p *Predictions) mostRows() int {
	if p.Rows > 0 {
		return p.Rows
	}
	return 100_000
}

// write answers with a value whose numbers are finite.
func write(w http.ResponseWriter, v any) error {
	b, err := dialect.Write(v)
	if err != nil {
		return err
	}
	written(w, b)
	return nil
}

func written(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // whoever has gone away hears nothing
}

// allFinite refuses what only records far outside of anything learnt can bring about.
func allFinite(predictions []retrain.Prediction) error {
	for i := range predictions {
		p := &predictions[i]
		ok := finite(p.Prediction) && (p.Confidence == nil || finite(*p.Confidence)) &&
			(p.Interval == nil || finite(p.Interval[0]) && finite(p.Interval[1]))
		for _, v := range p.Probabilities {
			ok = ok && finite(v)
		}
		if !ok {
			return retrain.Errorf(retrain.DataValidationError, "instance %d: the answer is no finite number: its values are too large", i+1)
		}
	}
	return nil
}

// servable says what is not there in the words that clients of TensorFlow Serving look for.
func servable(r *http.Request, err error) error {
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok || e.Code != retrain.ModelNotFoundError && e.Code != retrain.NotFoundError || !strings.HasPrefix(r.URL.Path, "/v1/") {
		return err
	}
	request := "Latest(" + r.PathValue("model") + ")"
	if which, _ := whichOf(r); which.Version != 0 {
		request = "Specific(" + r.PathValue("model") + ", " + strconv.Itoa(which.Version) + ")"
	} else if which.Label != "" {
		request = "Label(" + r.PathValue("model") + ", " + which.Label + ")"
	}
	hint := e.Message
	if e.Hint != "" {
		hint += "; " + e.Hint
	}
	return retrain.Errorf(e.Code, "Servable not found for request: %s", request).WithHint("%s", hint)
}
