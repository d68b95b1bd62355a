package app

import (
	"context"
	"errors"
	"time"

	"retrain"
	"retrain/api"
)

// A Cancellation is a run that was cancelled.
type Cancellation = api.Cancellation

// Cancel ends the run of that id, or every open run of the model of that name, and returns those that it ended. A ConflictError
// says that the run has ended already, or that the model has none that is open.
func (a *App) Cancel(ctx context.Context, modelOrRun string) ([]Cancellation, error) {
	ids, err := a.open(ctx, modelOrRun)
	if err != nil {
		return nil, err
	}
	ended := []Cancellation{}
	for _, id := range ids {
		s, err := a.State(ctx, id.Model)
		if err != nil {
			return ended, err
		}
		r, err := a.Endings.Cancel(ctx, id, a.By)
		if err != nil {
			return ended, err
		}
		if err := a.Queue.Drop(ctx, id, s.Attempt); err != nil { // a worker that takes it finds the verdict
			a.Log.DebugContext(ctx, "cancelled; its task is still in the queue", "run", id.String(), "err", err)
		}
		ended = append(ended, Cancellation{Run: id.String(), Model: id.Model, State: r.State})
	}
	return ended, nil
}

// open returns the runs that are meant, the waiting one before the one at work, whose end would hand it on.
func (a *App) open(ctx context.Context, modelOrRun string) ([]retrain.RunID, error) {
	m, err := a.Catalog.Model(ctx, modelOrRun)
	if errors.Is(err, retrain.ModelNotFoundError) {
		id, e := retrain.ParseRunID(modelOrRun)
		if e != nil {
			return nil, err // it was meant to be a model
		}
		if _, err := a.Catalog.Model(ctx, id.Model); err != nil {
			return nil, err
		}
		return []retrain.RunID{id}, nil
	} else if err != nil {
		return nil, err
	}
	s, err := a.State(ctx, m.Name)
	if err == nil {
		s, err = a.caughtUp(ctx, m, s.Latest)
	}
	if err != nil {
		return nil, err
	}
	var ids []retrain.RunID
	for _, n := range []int{s.Queued, s.Running} {
		if n != 0 {
			ids = append(ids, retrain.RunID{Model: m.Name, Number: n})
		}
	}
	if len(ids) == 0 {
		return nil, retrain.Errorf(retrain.ConflictError, "model %q has no run that could be cancelled", m.Name).WithHint("producer runs %s", m.Name)
	}
	return ids, nil
}

// Pause keeps a model from being trained by its triggers, until Resume. What is counted stays counted; a run that waits or is at
// work goes on, and a person may train.
func (a *App) Pause(ctx context.Context, model string) (retrain.ModelStatus, error) {
	return a.pause(ctx, model, &retrain.Pause{At: time.Now().UTC().Truncate(time.Second), By: a.By})
}

// Resume lets a model's triggers work again. What is due by then is requested at once.
func (a *App) Resume(ctx context.Context, model string) (retrain.ModelStatus, error) {
	return a.pause(ctx, model, nil)
}

func (a *App) pause(ctx context.Context, model string, p *retrain.Pause) (retrain.ModelStatus, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return retrain.ModelStatus{}, err
	}
	changed, err := a.Specs.Pause(ctx, model, p)
	if err != nil {
		return retrain.ModelStatus{}, err
	}
	if changed {
		a.Catalog.Forget()
		a.hint(ctx, retrain.Event{Type: retrain.SpecsApplied})
		if err := a.Sweeper.SweepOnly(ctx, model); err != nil {
			a.Log.WarnContext(ctx, "said; the next sweep looks whether a training is due", "err", err)
		}
	}
	all, err := a.Status(ctx, model)
	if err != nil {
		return retrain.ModelStatus{}, err
	}
	return all[0], nil
}
