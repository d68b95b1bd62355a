package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
)

// A Portrait is what people look at of a version.
type Portrait struct {
	Model       string             `json:"model"`
	Version     int                `json:"version"`
	Champion    bool               `json:"champion"`
	Type        retrain.Kind       `json:"type"`
	Resource    string             `json:"resource"`
	Features    []string           `json:"features"`
	Target      []string           `json:"target"`
	RequestedAt time.Time          `json:"requestedAt"`
	Reason      retrain.Reason     `json:"reason"`
	By          string             `json:"by,omitempty"`
	Continues   int                `json:"continues,omitempty"`
	Origin      *retrain.Origin    `json:"origin,omitempty"`
	State       retrain.RunState   `json:"state,omitempty"` // of its run, which may have been removed
	Why         string             `json:"why,omitempty"`   // what the gate said
	Seconds     float64            `json:"durationSeconds,omitempty"`
	Promote     retrain.Promote    `json:"promote"`
	Samples     int                `json:"samples"`
	Skipped     int                `json:"skipped"`
	Epochs      int                `json:"epochs"`
	Parameters  int                `json:"parameters"`
	Losses      []float64          `json:"losses"`
	ValLosses   []float64          `json:"valLosses"`
	Metrics     map[string]float64 `json:"metrics"`
	Beside      map[string]float64 `json:"championMetrics,omitempty"` // of the champion then, on the same holdout
	Importance  map[string]float64 `json:"featureImportance,omitempty"`
	Classes     []string           `json:"classes,omitempty"`
	Drift       *retrain.Drift     `json:"drift,omitempty"` // now, of the champion
	portrayed
}

// What a portrait takes from the details that the fit's library wrote.
type portrayed struct {
	TensorFlow  string          `json:"tensorflow,omitempty"`
	Device      string          `json:"device,omitempty"`
	TrainRows   int             `json:"trainRows,omitempty"`
	HoldoutRows int             `json:"holdoutRows"`
	BestEpoch   int             `json:"bestEpoch,omitempty"`
	Layers      json.RawMessage `json:"layers,omitempty"`
	Interval    json.RawMessage `json:"interval,omitempty"`
	Confusion   [][]int         `json:"confusion,omitempty"`
	Diagnosis   json.RawMessage `json:"diagnosis,omitempty"`
}

// Portrait returns what there is to see of a version; version 0 is the champion.
func (a *App) Portrait(ctx context.Context, model string, version int) (*Portrait, error) {
	mf, err := a.Version(ctx, model, version)
	if err != nil {
		return nil, err
	}
	f, spec := &mf.Fit, &mf.Spec
	p := &Portrait{Model: model, Version: mf.Version, Type: spec.Type, Resource: spec.Resource, Features: spec.Features, Target: spec.Target,
		RequestedAt: mf.RequestedAt, Reason: mf.Reason, By: mf.By, Continues: mf.Continues, Origin: mf.Origin, Promote: spec.Promote,
		Samples: f.Samples, Skipped: f.Skipped, Epochs: f.Epochs, Parameters: f.Parameters, Losses: f.Losses, ValLosses: f.ValLosses,
		Metrics: f.Metrics, Beside: f.Champion, Importance: f.FeatureImportance}
	if len(f.Details) > 0 {
		if err := json.Unmarshal(f.Details, &p.portrayed); err != nil {
			return nil, fmt.Errorf("details of version %d of %s: %w", mf.Version, model, err)
		}
	}
	p.Classes = classesOf(f.Preparation)
	return p, a.surroundings(ctx, p)
}

// classesOf returns the classes of the target, none where it is a number.
func classesOf(preparation json.RawMessage) []string {
	var learnt struct {
		Targets []struct {
			Classes []string `json:"classes"`
		} `json:"targets"`
	}
	if json.Unmarshal(preparation, &learnt) != nil || len(learnt.Targets) == 0 {
		return nil
	}
	return learnt.Targets[0].Classes
}

// surroundings adds what is not in the manifest: the gate's verdict, whether it serves, and how its questions are.
func (a *App) surroundings(ctx context.Context, p *Portrait) error {
	c, err := a.Registry.Champion(ctx, p.Model)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return err
	}
	if p.Champion = c.Version == p.Version; p.Champion {
		if p.Drift, err = a.Drifts.All(ctx, p.Model); err != nil {
			return err
		}
	}
	run, err := a.Runs.Run(ctx, retrain.RunID{Model: p.Model, Number: p.Version})
	if errors.Is(err, retrain.NotFoundError) {
		return nil
	} else if err != nil {
		return err
	}
	if p.State = run.State(); run.Result != nil {
		p.Why, p.Seconds = run.Result.Why, run.Result.DurationSeconds
	}
	return nil
}

// RunsBefore returns a model's runs below a number, newest first, at most so many; before 0 are the newest. It lists nothing, so it
// is quick however many there are.
func (a *App) RunsBefore(ctx context.Context, model string, before, most int) ([]ListedRun, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return nil, err
	}
	if before == 0 {
		s, err := a.State(ctx, model)
		if err != nil {
			return nil, err
		}
		before = s.Latest + 1
	}
	found := make([]*ListedRun, max(0, min(most, before-1)))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range found {
		g.Go(func() error {
			run, err := a.Runs.Run(ctx, retrain.RunID{Model: model, Number: before - 1 - i})
			if errors.Is(err, retrain.NotFoundError) {
				return nil
			} else if err == nil {
				listed := listRun(&run)
				found[i] = &listed
			}
			return err
		})
	}
	err := g.Wait()
	list := []ListedRun{}
	for _, run := range found {
		if run != nil {
			list = append(list, *run)
		}
	}
	return list, err
}

// LatestHistory returns what served when, newest first, at most so many moves.
func (a *App) LatestHistory(ctx context.Context, model string, most int) ([]Move, error) {
	moves := []Move{}
	var until *time.Time
	for c, err := range a.Registry.Moves(ctx, model) {
		if err != nil {
			return nil, err
		}
		m := moveOf(&c, until)
		until = &m.At
		if moves = append(moves, m); len(moves) == most {
			break
		}
	}
	return moves, nil
}
