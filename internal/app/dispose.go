package app

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/api"
)

// A Disposal says what is left of a model.
type Disposal = api.Disposal

// Dispose removes a model: its declaration, its versions, runs and imports, and what Redis knows of it. Its records stay, and so
// does the history of what served when. From the first step on the model does not exist for anybody; whoever dies on the way is
// followed by a scheduler, which does the rest.
func (a *App) Dispose(ctx context.Context, model string) (Disposal, error) {
	if _, err := a.Catalog.Model(ctx, model); err != nil {
		return Disposal{}, err
	}
	if err := a.Specs.Dispose(ctx, model, time.Now()); err != nil {
		return Disposal{}, err
	}
	a.Catalog.Forget()
	a.hint(ctx, retrain.Event{Type: retrain.SpecsApplied})
	done, err := a.clear(ctx, model)
	if err != nil {
		a.Log.WarnContext(ctx, "disposed of; a scheduler removes the rest", "model", model, "err", err)
	}
	return Disposal{Model: model, Done: done}, nil
}

// Clear goes on with what Dispose has begun, for all models.
func (a *App) Clear(ctx context.Context) error {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, model := range specs.Disposed {
		if _, err := a.clear(ctx, model); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// clear removes what is left of a model, and reports whether that is all. First its runs end; as long as a worker is at one,
// nothing else is touched.
func (a *App) clear(ctx context.Context, model string) (done bool, err error) {
	busy, err := a.endRuns(ctx, model)
	if err != nil || busy {
		return false, err
	}
	latest, err := a.latest(ctx, model)
	if err != nil {
		return false, err
	}
	if latest > 0 { // nobody who was presumed dead can make a version champion then, and a model of the same name goes on counting
		if err := a.Registry.Dethrone(ctx, model, latest, time.Now(), a.By); err != nil {
			return false, err
		}
	}
	if err := a.Registry.RemoveAll(ctx, model); err != nil {
		return false, err
	}
	if err := a.Ledger.Drop(ctx, model); err != nil {
		return false, err
	}
	if _, err := a.Specs.Pause(ctx, model, nil); err != nil {
		return false, err
	}
	if err := a.Specs.Remove(ctx, model); err != nil {
		return false, err
	}
	a.Catalog.Forget()
	a.Log.InfoContext(ctx, "disposed of", "model", model)
	return true, nil
}

// endRuns cancels the newest runs that are open, which are those that Redis may know of, and reports whether a worker is still at
// one of them.
func (a *App) endRuns(ctx context.Context, model string) (busy bool, err error) {
	for run, err := range a.Runs.Runs(ctx, model) {
		if err != nil {
			return false, err
		}
		if run.Result == nil {
			if err := a.endRun(ctx, run.ID); err != nil {
				return false, err
			}
		}
		held, err := a.Leases.Held(ctx, run.ID)
		if err != nil || held {
			return held, err
		}
		if run.Result != nil && (run.Result.State == retrain.Published || run.Result.State == retrain.Rejected) {
			break // older ones have ended before
		}
	}
	return false, nil
}

func (a *App) endRun(ctx context.Context, id retrain.RunID) error {
	verdict := retrain.Result{State: retrain.Cancelled, EndedAt: time.Now().UTC(), Why: "its model was disposed of"}
	if _, err := a.Runs.FinishRun(ctx, id, verdict); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Leases.Revoke(ctx, id) })
	g.Go(func() error { return a.Queue.Drop(ctx, id, 0) })
	return g.Wait()
}

// latest returns the highest number that a run or a version of the model has had.
func (a *App) latest(ctx context.Context, model string) (int, error) {
	latest := 0
	for run, err := range a.Runs.Runs(ctx, model) {
		if err != nil {
			return 0, err
		}
		latest = run.ID.Number
		break
	}
	c, err := a.Registry.Champion(ctx, model)
	if err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return 0, err
	}
	return max(latest, c.Highest), nil
}
