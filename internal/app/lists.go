package app

import (
	"context"
	"errors"
	"slices"

	"retrain"
	"retrain/api"
)

// A ListedRun is a run in a list of runs.
type ListedRun = api.ListedRun

// ListRuns returns a model's runs, newest first, at most so many; 0 for all.
func (a *App) ListRuns(ctx context.Context, model string, limit int) ([]ListedRun, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return nil, err
	}
	list := []ListedRun{}
	for r, err := range a.Runs.Runs(ctx, model) {
		if err != nil {
			return nil, err
		}
		if list = append(list, listRun(&r)); len(list) == limit {
			break
		}
	}
	return list, nil
}

// ListRun returns one run, or a NotFoundError.
func (a *App) ListRun(ctx context.Context, id retrain.RunID) (ListedRun, error) {
	r, err := a.Runs.Run(ctx, id)
	if errors.Is(err, retrain.NotFoundError) {
		err = retrain.Errorf(retrain.NotFoundError, "model %q has no run %d", id.Model, id.Number).WithHint("producer runs %s", id.Model)
	}
	if err != nil {
		return ListedRun{}, err
	}
	return listRun(&r), nil
}

func listRun(r *retrain.Run) ListedRun {
	l := ListedRun{Run: r.ID.String(), Number: r.ID.Number, State: r.State(), Reason: r.Reason, RequestedAt: r.RequestedAt}
	if r.Start != nil {
		l.BeganAt = &r.Start.BeganAt
	}
	if e := r.Result; e != nil {
		l.EndedAt, l.DurationSeconds, l.Version, l.Samples, l.Why, l.Error = &e.EndedAt, e.DurationSeconds, e.Version, e.Samples, e.Why, e.Error
	}
	return l
}

// A ListedVersion is a version in a list of versions.
type ListedVersion = api.ListedVersion

// ListVersions returns a model's versions, newest first.
func (a *App) ListVersions(ctx context.Context, model string) ([]ListedVersion, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return nil, err
	}
	manifests, err := a.Registry.Versions(ctx, model)
	if err != nil {
		return nil, err
	}
	champion, err := a.Registry.Champion(ctx, model)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return nil, err
	}
	pins, err := a.Registry.Pins(ctx, model)
	if err != nil {
		return nil, err
	}
	list := make([]ListedVersion, 0, len(manifests))
	for _, mf := range manifests {
		list = append(list, ListedVersion{Version: mf.Version, Champion: mf.Version == champion.Version, Pinned: slices.Contains(pins.Pinned, mf.Version),
			TrainedAt: mf.RequestedAt, Reason: mf.Reason, Samples: mf.Fit.Samples, Epochs: mf.Fit.Epochs, Loss: mf.Fit.Loss, ValLoss: mf.Fit.ValLoss, Metrics: mf.Fit.Metrics})
	}
	return list, nil
}
