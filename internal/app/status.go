package app

import (
	"context"
	"errors"
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
	all := make([]retrain.ModelStatus, len(models))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, m := range models {
		g.Go(func() error {
			var err error
			all[i], err = a.status(ctx, m)
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
