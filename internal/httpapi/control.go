package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/klauspost/compress/gzhttp"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
	"retrain/internal/dashboard"
)

// Control is the server of a producer: inserting, control, the status page, and asynq's own pages at /monitor.
type Control struct {
	App     *app.App
	Metrics *Metrics
	Origins []string // of pages that may ask, like https://shop.example; none by default

	closing <-chan struct{}
	queues  *asynqmon.HTTPHandler
	looks   *looks
	watch   *watch
}

// Handler returns the server's paths. Streams end with ctx. Close closes what the handler has opened.
func (c *Control) Handler(ctx context.Context) http.Handler {
	c.closing = ctx.Done()
	c.queues = asynqmon.New(asynqmon.Options{RootPath: "/monitor", RedisConnOpt: c.App.Redis})
	c.Metrics.MustRegister(Queues{asynq.NewInspectorFromRedisClient(c.App.Redis.Redis)}, Lost{c.App.Redis.Depths})
	c.watch = newWatch(ctx, c.App)
	c.looks = newLooks(ctx, c.App.Log, c.App.Sweeper.Look)
	operations := c.Operations()
	routes := make([]Route, len(operations))
	for i := range operations {
		routes[i] = c.route(&operations[i])
	}
	mux := routed(routes, problems(c.App.Log))
	c.pages(mux)
	protection := http.NewCrossOriginProtection() // no other site's page may press a button here
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problems(c.App.Log)(w, r, refused("a page of %.100q may not do this", r.Header.Get("Origin")))
	}))
	for _, origin := range c.Origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			c.App.Log.WarnContext(ctx, "not an origin", "origin", origin, "err", err)
		}
	}
	return protection.Handler(mux)
}

// pages has what people look at.
func (c *Control) pages(mux *http.ServeMux) {
	files := dashboard.Files()
	mux.Handle("GET /metrics", c.Metrics)
	mux.Handle("GET /openapi.json", gzhttp.GzipHandler(http.HandlerFunc(openapi)))
	mux.Handle("GET /docs", within(ownOnly, http.StripPrefix("/docs", tryPage())))
	mux.Handle("GET /docs/", within(ownOnly, http.StripPrefix("/docs", tryPage())))
	mux.Handle("GET /{$}", within(ownOnly, static(files)))
	mux.Handle("GET /page/", within(ownOnly, http.StripPrefix("/page/", static(files))))
	mux.Handle("/monitor/", within(ownAndInline, c.monitor(offline(c.queues))))
}

// monitor returns asynq's pages: for whoever has a key for all resources, and their buttons for whoever may do everything.
func (c *Control) monitor(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		needs := api.RoleRead
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			needs = api.RoleAdmin
		}
		if err := cmp.Or(may(r, needs), mayAll(r)); err != nil {
			problems(c.App.Log)(w, r, err)
			return
		}
		pages.ServeHTTP(w, r)
	})
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

// ready reports whether both Redis and S3 answer.
func (c *Control) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := c.App.Redis.Ping(r.Context()); err != nil {
		return nil, err
	}
	_, err := c.App.Catalog.Specs(r.Context())
	return api.Ready{Ready: true}, err
}

func (c *Control) models(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.seen(r)
}

// seen tells how the models stand that the request's key is for.
func (c *Control) seen(r *http.Request) (api.Models, error) {
	all, err := c.App.Status(r.Context(), "")
	return api.Models{Models: slices.DeleteFunc(all, func(m retrain.ModelStatus) bool { return !sees(by(r), m.Resource) })}, err
}

func (c *Control) model(_ http.ResponseWriter, r *http.Request) (any, error) {
	one, err := c.App.Status(r.Context(), r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	return one[0], nil
}

func (c *Control) train(w http.ResponseWriter, r *http.Request) (any, error) {
	var wish api.Training
	if err := options(w, r, &wish); err != nil {
		return nil, err
	}
	run, err := c.App.Train(r.Context(), r.PathValue("model"), wish.ResetWeights == nil || *wish.ResetWeights)
	return api.Requested{Run: run.String(), Model: run.Model, State: retrain.Queued}, err
}

func (c *Control) promote(w http.ResponseWriter, r *http.Request) (any, error) {
	n, err := wantedVersion(w, r)
	if err != nil {
		return nil, err
	}
	return moved(c.App.Promote(r.Context(), r.PathValue("model"), n))
}

func (c *Control) rollback(w http.ResponseWriter, r *http.Request) (any, error) {
	wish := api.Steps{Steps: 1}
	if err := options(w, r, &wish); err != nil {
		return nil, err
	}
	if wish.Steps < 1 {
		return nil, retrain.Errorf(retrain.DataValidationError, "%d steps back are none", wish.Steps)
	}
	return moved(c.App.Rollback(r.Context(), r.PathValue("model"), wish.Steps))
}

func moved(c retrain.Champion, err error) (any, error) {
	return api.Moved{Model: c.Model, Version: c.Version, Previous: c.Previous}, err
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
	return api.Versions{Model: model, Versions: list}, err
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
	var list []api.ListedRun
	if limit == 0 {
		list, err = c.App.ListRuns(r.Context(), model, 0)
	} else {
		list, err = c.App.RunsBefore(r.Context(), model, before, limit)
	}
	return api.Runs{Model: model, Runs: list}, err
}

// truth returns a switch of the query.
func truth(r *http.Request, name string) (bool, error) {
	given := r.URL.Query().Get(name)
	if given == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(given)
	if err != nil {
		return false, retrain.Errorf(retrain.DataValidationError, "%s=%.40q is neither true nor false", name, given)
	}
	return on, nil
}
