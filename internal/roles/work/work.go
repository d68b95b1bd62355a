// Package work has the roles that need TensorFlow: training and predicting.
package work

import (
	"cmp"
	"context"
	"errors"
	"net"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/meter"
	_ "retrain/internal/quiet" // TensorFlow's small talk
	"retrain/internal/roles"
	"retrain/mlcore"
	"retrain/tasks"
)

// Train takes runs of some lanes, nil for all, from the queue and works them off with e, one at a time, until ctx ends. Of all
// lanes a machine without a GPU leaves those out that need one. The run
// at work is handed back then. What XLA compiles is kept in the folder compiled, for the next process; "" keeps nothing. Of all
// workers of the machine that name the same slot one trains at a time; "": of those that use the same GPU.
func Train(ctx context.Context, a *app.App, m *httpapi.Metrics, e *mlcore.Engine, compiled string, lanes []string, slot string) error {
	if compiled != "" {
		if err := mlcore.KeepCompiled(compiled); err != nil {
			return err
		}
	}
	alone, err := oneAtATime(e, slot)
	if err != nil {
		return err
	}
	t := a.Training(alone)
	counted := m.Training()
	t.Ledger, t.Ended = counted.Ledger(t.Ledger), counted.Ended
	t.Admit = admission{Most: 2 * cmp.Or(e.Memory, 1<<30), Room: room}.admit
	if lanes == nil && !mlcore.HasGPU() {
		lanes = withoutGPU()
	}
	defer alive(ctx, a, "train")()
	return serve(ctx, &tasks.Worker{Conn: a.Redis, Train: counted.During(t.Do), Lanes: lanes,
		Ended: m.Tasks().Ended, Tracer: a.Tracer.Parts(), Log: a.Log,
		Cancel: func(ctx context.Context, id retrain.RunID) error {
			_, err := a.Endings.Cancel(ctx, id, "somebody in asynq's pages")
			return err
		}})
}

// withoutGPU returns the lanes of models that do not insist on a GPU.
func withoutGPU() []string {
	var lanes []string
	for _, device := range []string{"auto", "cpu"} {
		for _, priority := range []string{"critical", "default", "low"} {
			lanes = append(lanes, retrain.Model{Device: device, Priority: priority}.Lane())
		}
	}
	return lanes
}

// serve starts w when Redis answers, and shuts it down when ctx ends.
func serve(ctx context.Context, w *tasks.Worker) error {
	start := func() (struct{}, error) { return struct{}{}, w.Start(ctx) }
	_, err := backoff.Retry(ctx, start, backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, next time.Duration) {
		w.Log.WarnContext(ctx, "waiting for Redis", "again", next.Round(time.Millisecond), "err", err)
	}))
	if err == nil {
		<-ctx.Done()
	}
	w.Shutdown()
	if ctx.Err() != nil { // it was told to end, perhaps while it waited
		return nil //nolint:nilerr // what it waited for does not matter any more
	}
	return err
}

// Predict answers with the champions until ctx ends: over HTTP on l, and questions from the queue. dir is for their files.
func Predict(ctx context.Context, a *app.App, m *httpapi.Metrics, l net.Listener, e roles.Entrance, dir string) error {
	p := a.Config.Predict
	var live *retrain.Live
	live = a.Live(func(v retrain.Version) (retrain.Servable, error) { //nolint:contextcheck // its own examples end by themselves
		o := mlcore.Loader{AtOnce: p.Concurrency, Queue: p.Queue, Slowest: time.Duration(p.Slowest)}
		o.Aside = live.Version(v.Manifest.Model) != 0 // what nobody answers for yet is waited for
		return o.Load(v)
	}, dir)
	m.Serves(live)
	heard := meter.NewStream()
	m.MustRegister(heard)
	live.Events = heard.Follower(live.Events)
	h := &httpapi.Predictions{Models: httpapi.Live{Live: live}, Catalog: a.Catalog, Latest: a.Latest, Metrics: m, Log: a.Log}
	if a.Tracer != nil {
		h.Watched = a.Tracer.Handler
	}

	defer alive(ctx, a, "predict")()
	loaded, unload := context.WithCancel(context.WithoutCancel(ctx)) // the champions stay until the last answer is given
	followed := make(chan error, 1)
	go func() { followed <- live.Run(loaded) }()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return e.Server(a, l.Addr().String()).ServePredictions(ctx, l, h) })
	g.Go(func() error {
		return serve(ctx, &tasks.Worker{Conn: a.Redis, Predict: m.Asked(live.Ask), Chunk: a.Chunks(live).Do,
			Ended: m.Tasks().Ended, Tracer: a.Tracer.Parts(), Log: a.Log})
	})
	g.Go(func() error { watch(ctx, a, live); return nil })
	err := g.Wait()
	unload()
	return errors.Join(err, <-followed)
}

// How often it is said how far questions have drifted; a word holds for a minute.
const driftEvery = 20 * time.Second

// watch says how far the questions to each champion lie from what it learnt, until ctx ends: the scheduler trains models anew that say
// retrainOnDrift.
func watch(ctx context.Context, a *app.App, live *retrain.Live) {
	tick := time.NewTicker(driftEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, model := range live.Serving() {
			drift, ok := live.Drift(model)
			if !ok {
				continue
			}
			if err := a.Drifts.Say(ctx, model, drift); err != nil { // it is said again
				a.Log.DebugContext(ctx, "drift", "model", model, "err", err)
			}
		}
	}
}
