package app

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/api"
)

// Stats tells how one model has done so far, or all of them for "", sorted by name.
func (a *App) Stats(ctx context.Context, model string) ([]api.Stat, error) {
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
	all := make([]api.Stat, len(models))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i, m := range models {
		g.Go(func() (err error) {
			all[i], err = a.stat(ctx, m)
			return err
		})
	}
	return all, g.Wait()
}

func (a *App) stat(ctx context.Context, m *retrain.Model) (api.Stat, error) {
	s := api.Stat{Model: m.Name, Type: m.Type, Metrics: map[string]float64{}}
	champion, err := a.Registry.Champion(ctx, m.Name)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return s, err
	}
	if err == nil && champion.Version != 0 {
		mf, err := a.Manifest(ctx, m.Name, champion.Version)
		if err != nil {
			return s, err
		}
		s.Trained, s.Version, s.Samples, s.Metrics = true, champion.Version, mf.Fit.Samples, mf.Fit.Metrics
	}
	t, err := a.Runs.Tally(ctx, m.Name)
	s.Trainings, s.Failures, s.LastTrainedAt = t.Trainings, t.Failures, t.LastTrainedAt
	return s, err
}
