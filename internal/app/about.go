package app

import (
	"context"
	"errors"

	"retrain"
	"retrain/api"
)

// About tells everything about a version; version 0 is the champion.
func (a *App) About(ctx context.Context, model string, version int) (api.Version, error) {
	mf, err := a.Version(ctx, model, version)
	if err != nil {
		return api.Version{}, err
	}
	champion, err := a.Registry.Champion(ctx, model)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return api.Version{}, err
	}
	f := mf.Fit
	return api.Version{Model: model, Version: mf.Version, Champion: mf.Version == champion.Version, Type: mf.Spec.Type, Resource: mf.Spec.Resource,
		Features: mf.Spec.Features, Target: mf.Spec.Target, RequestedAt: mf.RequestedAt, Reason: mf.Reason, Samples: f.Samples, Skipped: f.Skipped,
		Epochs: f.Epochs, Loss: f.Loss, ValLoss: f.ValLoss, Losses: f.Losses, ValLosses: f.ValLosses, Metrics: f.Metrics, Importance: f.FeatureImportance,
		Origin: mf.Origin, TotalParameters: f.Parameters, Architecture: f.Details, Preparation: f.Preparation, Objects: len(mf.Dataset.Objects), Spec: mf.Spec}, nil
}

// TrainedOn tells what a version was trained on, but for the data.
func (a *App) TrainedOn(ctx context.Context, mf *retrain.Manifest) (api.TrainedOn, error) {
	t := api.TrainedOn{ModelName: mf.Model, Version: mf.Version, Samples: mf.Fit.Samples, Features: mf.Spec.Features, Target: mf.Spec.Target, SavedAt: mf.RequestedAt}
	run, err := a.Runs.Run(ctx, retrain.RunID{Model: mf.Model, Number: mf.Version})
	if err != nil && !errors.Is(err, retrain.NotFoundError) { // a run may have been cleared away
		return t, err
	}
	if run.Result != nil {
		t.SavedAt = run.Result.EndedAt
	}
	return t, nil
}
