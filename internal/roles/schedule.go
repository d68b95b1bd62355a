// Package roles is what the programs do for as long as they run. standalone has all roles in one process; the others have
// one each. Those that need TensorFlow are in package work.
package roles

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/meter"
)

// How often the scheduler looks. A sweep is one question to Redis per model; reconciling and compacting list what every resource
// holds beside what was compacted.
const (
	sweepEvery     = time.Second
	reconcileEvery = 30 * time.Second
	keepEvery      = time.Minute
	compactEvery   = 10 * time.Second
)

// Schedule finds what is due and what got lost, until ctx ends. Any number of schedulers may be at it.
func Schedule(ctx context.Context, a *app.App, m *httpapi.Metrics) {
	found := meter.NewSweeps()
	m.MustRegister(found)
	sweeper := *a.Sweeper // others heal with theirs
	sweeper.Witness = found
	var all sync.WaitGroup
	job := func(name string, pause time.Duration, do func(context.Context) error) {
		all.Go(func() { every(ctx, pause, once{Log: a.Log, What: name}.log(found.Job(name, do))) })
	}
	job("reconcile", reconcileEvery, sweeper.Reconcile)
	job("compact", compactEvery, a.Compact)
	job("specs", reconcileEvery, a.Specs.Gather)
	job("retention", keepEvery, a.Keeper.Keep)
	job("disposal", reconcileEvery, a.Clear)
	job("sweep", sweepEvery, afterRestart(a, &sweeper))
	all.Wait()
}

// afterRestart returns what sweeps, and reconciles first where Redis is another process than the last time: it may have lost a
// second of what it was told, or have been restored from an old copy.
func afterRestart(a *app.App, s *retrain.Sweeper) func(context.Context) error {
	var last string
	return func(ctx context.Context) error {
		now, err := a.Redis.Process(ctx)
		if err != nil {
			return err
		}
		if last != "" && now != last {
			a.Log.InfoContext(ctx, "Redis has started anew: reconciling")
			if err := s.Reconcile(ctx); err != nil {
				return err
			}
		}
		last = now
		return s.Sweep(ctx)
	}
}

// every calls do now and then again and again until ctx ends: each pause, or, where it takes longer than half of that, with a rest as
// long as it took. So a scheduler of very many models looks less often, but leaves Redis and S3 to others for half of the time.
func every(ctx context.Context, pause time.Duration, do func(context.Context)) {
	for ctx.Err() == nil {
		began := time.Now()
		do(ctx)
		took := time.Since(began)
		select {
		case <-ctx.Done():
		case <-time.After(max(pause-took, took)):
		}
	}
}

// once logs an error when it first comes, and when it has gone, but not each time between.
type once struct {
	Log  *slog.Logger
	What string
}

func (o once) log(do func(context.Context) error) func(context.Context) {
	var last retrain.Code
	return func(ctx context.Context) {
		err := do(ctx)
		switch code := retrain.CodeOf(err); {
		case ctx.Err() != nil:
		case err == nil && last != "":
			o.Log.InfoContext(ctx, o.What+" goes well again")
			last = ""
		case err != nil && code != last:
			o.Log.WarnContext(ctx, o.What+"; trying on", "err", err)
			last = code
		}
	}
}
