package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"retrain"
)

// A ListedRun is a run in a list of runs.
type ListedRun struct {
	Run             string           `json:"run"`
	Number          int              `json:"number"`
	State           retrain.RunState `json:"state"`
	Reason          retrain.Reason   `json:"reason"`
	RequestedAt     time.Time        `json:"requestedAt"`
	BeganAt         *time.Time       `json:"beganAt,omitempty"`
	EndedAt         *time.Time       `json:"endedAt,omitempty"`
	DurationSeconds float64          `json:"durationSeconds,omitempty"`
	Version         int              `json:"version,omitempty"`
	Samples         int              `json:"samples,omitempty"`
	Why             string           `json:"why,omitempty"`
	Error           *retrain.Error   `json:"error,omitempty"`
}

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
type ListedVersion struct {
	Version   int                `json:"version"`
	Champion  bool               `json:"champion"`
	Pinned    bool               `json:"pinned"`
	TrainedAt time.Time          `json:"trainedAt"` // when its run was requested
	Reason    retrain.Reason     `json:"reason"`
	Samples   int                `json:"samples"`
	Epochs    int                `json:"epochs"`
	Loss      float64            `json:"loss"`
	ValLoss   *float64           `json:"valLoss,omitempty"`
	Metrics   map[string]float64 `json:"metrics"`
}

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
		list = append(list, ListedVersion{mf.Version, mf.Version == champion.Version, slices.Contains(pins.Pinned, mf.Version), mf.RequestedAt, mf.Reason, mf.Fit.Samples, mf.Fit.Epochs,
			mf.Fit.Loss, mf.Fit.ValLoss, mf.Fit.Metrics})
	}
	return list, nil
}
