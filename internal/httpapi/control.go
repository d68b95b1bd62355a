package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/dashboard"
)

// Control is the server of a producer: inserting, control, the status page, and asynq's own pages at /monitor.
type Control struct {
	App     *app.App
	Metrics *Metrics

	closing <-chan struct{}
	queues  *asynqmon.HTTPHandler
	looks   *looks
	watch   *watch
}

// Handler returns the server's paths. Streams end with ctx. Close closes what the handler has opened.
func (c *Control) Handler(ctx context.Context) http.Handler {
	c.closing = ctx.Done()
	c.queues = asynqmon.New(asynqmon.Options{RootPath: "/monitor", RedisConnOpt: c.App.Redis})
	c.Metrics.MustRegister(Queues{asynq.NewInspectorFromRedisClient(c.App.Redis.Redis)})
	mux := http.NewServeMux()
	for pattern, do := range map[string]verb{
		"POST /v1/resources/{resource}/records":        c.insert,
		"PUT /v1/resources/{resource}/records":         c.replace,
		"PATCH /v1/resources/{resource}/records":       c.change,
		"DELETE /v1/resources/{resource}/records":      c.remove,
		"PUT /v1/resources/{resource}/records/{id}":    c.replace,
		"PATCH /v1/resources/{resource}/records/{id}":  c.change,
		"DELETE /v1/resources/{resource}/records/{id}": c.remove,
		"GET /v1/models":                   c.models,
		"GET /v1/models/{model}":           c.model,
		"GET /v1/models/{model}/versions":  c.versions,
		"GET /v1/models/{model}/runs":      c.runs,
		"POST /v1/models/{model}/train":    c.train,
		"POST /v1/models/{model}/promote":  c.promote,
		"POST /v1/models/{model}/rollback": c.rollback,
		"DELETE /v1/models/{model}":        c.dispose,
		"POST /v1/models/{model}/pin":      c.pin,
		"POST /v1/models/{model}/unpin":    c.unpin,
		"GET /v1/models/{model}/history":   c.history,
		"POST /v1/models/{model}/cancel":   c.cancel,
		"POST /v1/models/{model}/pause":    c.pause,
		"POST /v1/models/{model}/resume":   c.resume,
		"POST /v1/runs/{run}/cancel":       c.cancel,
		"GET /readyz":                      c.ready,

		"GET /v1/models/{model}/versions/{version}/portrait": c.portrait,
		"GET /v1/plant":  c.plant,
		"GET /v1/errors": c.recentErrors,
	} {
		mux.Handle(pattern, c.answers(do))
	}
	files := dashboard.Files()
	c.watch = newWatch(ctx, c.App)
	c.looks = newLooks(ctx, c.App.Log, c.App.Sweeper.Look)
	mux.HandleFunc("POST /v1/events/s3", c.s3Events)
	mux.HandleFunc("GET /v1/stream", c.stream)
	mux.HandleFunc("GET /healthz", healthz)
	mux.Handle("GET /metrics", c.Metrics)
	mux.Handle("GET /{$}", within(ownOnly, http.FileServerFS(files)))
	mux.Handle("GET /page/", within(ownOnly, http.StripPrefix("/page/", http.FileServerFS(files))))
	mux.Handle("/monitor/", within(ownAndInline, offline(c.queues)))
	mux.HandleFunc("/", noSuchPath)
	return http.NewCrossOriginProtection().Handler(mux) // no other site's page may press a button here
}

// Close closes what Handler has opened, after its context has ended.
func (c *Control) Close() error {
	c.looks.all.Wait()
	c.watch.all.Wait()
	return c.queues.Close()
}

// What pages may load: nothing from another machine. asynq's have scripts and styles within them.
const (
	ownOnly      = "default-src 'self'"
	ownAndInline = "default-src 'self' 'unsafe-inline' data:"
)

func within(policy string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		h.ServeHTTP(w, r)
	})
}

// A verb does what a request asks for, and returns what is answered.
type verb func(w http.ResponseWriter, r *http.Request) (any, error)

func (c *Control) answers(do verb) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := do(w, r)
		if err != nil {
			refuse(w, r, c.App.Log, err)
			return
		}
		answer(w, http.StatusOK, v)
	})
}

// ready reports whether both Redis and S3 answer.
func (c *Control) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := c.App.Redis.Ping(r.Context()); err != nil {
		return nil, err
	}
	_, err := c.App.Catalog.Specs(r.Context())
	return map[string]bool{"ready": true}, err
}

func (c *Control) models(_ http.ResponseWriter, r *http.Request) (any, error) {
	all, err := c.App.Status(r.Context(), "")
	return map[string][]retrain.ModelStatus{"models": all}, err
}

func (c *Control) model(_ http.ResponseWriter, r *http.Request) (any, error) {
	one, err := c.App.Status(r.Context(), r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	return one[0], nil
}

func (c *Control) train(w http.ResponseWriter, r *http.Request) (any, error) {
	wish := struct {
		ResetWeights *bool `json:"resetWeights"`
	}{}
	if err := options(w, r, &wish); err != nil {
		return nil, err
	}
	run, err := c.App.Train(r.Context(), r.PathValue("model"), wish.ResetWeights == nil || *wish.ResetWeights)
	return map[string]any{"run": run, "model": run.Model, "state": retrain.Queued}, err
}

func (c *Control) promote(w http.ResponseWriter, r *http.Request) (any, error) {
	n, err := wantedVersion(w, r)
	if err != nil {
		return nil, err
	}
	return moved(c.App.Promote(r.Context(), r.PathValue("model"), n))
}

func (c *Control) rollback(w http.ResponseWriter, r *http.Request) (any, error) {
	wish := struct {
		Steps int `json:"steps"`
	}{Steps: 1}
	if err := options(w, r, &wish); err != nil {
		return nil, err
	}
	if wish.Steps < 1 {
		return nil, retrain.Errorf(retrain.DataValidationError, "%d steps back are none", wish.Steps)
	}
	return moved(c.App.Rollback(r.Context(), r.PathValue("model"), wish.Steps))
}

func moved(c retrain.Champion, err error) (any, error) {
	return map[string]any{"model": c.Model, "version": c.Version, "previous": c.Previous}, err
}

// options reads the JSON object of a request, which may have no body.
func options(w http.ResponseWriter, r *http.Request, into any) error {
	b, err := body(w, r, 1<<20)
	if err != nil || len(b) == 0 {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err)
	}
	return nil
}

func (c *Control) versions(_ http.ResponseWriter, r *http.Request) (any, error) {
	model := r.PathValue("model")
	list, err := c.App.ListVersions(r.Context(), model)
	return map[string]any{"model": model, "versions": list}, err
}

// runs lists the newest, at most ?limit=20 of them, below ?before=NUMBER.
func (c *Control) runs(_ http.ResponseWriter, r *http.Request) (any, error) {
	model := r.PathValue("model")
	limit, err := numberFrom(r, "limit", 20)
	if err != nil {
		return nil, err
	}
	before, err := numberFrom(r, "before", 0)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		list, err := c.App.ListRuns(r.Context(), model, 0)
		return map[string]any{"model": model, "runs": list}, err
	}
	list, err := c.App.RunsBefore(r.Context(), model, before, limit)
	return map[string]any{"model": model, "runs": list}, err
}
