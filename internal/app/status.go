package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
)

// Status tells how one model stands, or all of them for "", sorted by name.
func (a *App) Status(ctx context.Context, model string) ([]retrain.ModelStatus, error) {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return nil, err
	}
	models := specs.Models
	if model != "" {
		m, err := a.Catalog.Model(ctx, model)
		if err != nil {
			return nil, err
		}
		models = []*retrain.Model{m}
	}
	all := make([]retrain.ModelStatus, len(models)) // of a single one with the curve of its run
	served := sync.OnceValues(func() (map[string]bool, error) { return a.served(ctx) })
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, m := range models {
		g.Go(func() error {
			var err error
			if all[i], err = a.status(ctx, m); model == "" {
				all[i].Run = withoutCurve(all[i].Run)
			}
			if err != nil || all[i].State != retrain.ModelQueued || all[i].Run.Why != "" {
				return err
			}
			lanes, err := served()
			if lanes != nil && !lanes[m.Lane()] {
				all[i].Run.Why = "waits for a worker: " + nobody(m)
			}
			return err
		})
	}
	return all, g.Wait()
}

func (a *App) status(ctx context.Context, m *retrain.Model) (retrain.ModelStatus, error) {
	s, err := a.State(ctx, m.Name)
	if err != nil {
		return retrain.ModelStatus{}, err
	}
	champion, err := a.Registry.Champion(ctx, m.Name)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return retrain.ModelStatus{}, err
	}
	var shown *retrain.Progress
	p, ok, err := a.Ledger.Progress(ctx, m.Name)
	if err != nil {
		return retrain.ModelStatus{}, err
	}
	if ok {
		shown = &p
	}
	return retrain.StatusOf(m, s, champion, shown, s.Now(time.Now)), nil
}

// served returns the lanes that some worker trains models of.
func (a *App) served(ctx context.Context) (map[string]bool, error) {
	servers, err := a.Redis.Servers(ctx)
	if err != nil {
		return nil, err
	}
	lanes := make(map[string]bool)
	for _, s := range servers {
		for _, queue := range s.Queues {
			if lane, ok := strings.CutPrefix(queue, "train-"); ok {
				lanes[lane] = true
			}
		}
	}
	return lanes, nil
}

func nobody(m *retrain.Model) string {
	if d := m.WithDefaults(); d.Device != "auto" {
		return "none that is running trains models of device " + d.Device + ", priority " + d.Priority
	}
	return "none is running"
}
