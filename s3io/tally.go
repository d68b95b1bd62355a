package s3io

import (
	"context"
	"errors"

	"retrain"
)

// A tally is what became of a model's first runs, so that nobody has to read them all to count them. It is moved on by whoever
// writes a verdict. One that lags behind, or is missing, costs whoever counts a few more reads, and never a wrong number: what it
// says of its runs is for ever.
type tally struct {
	Format  int `json:"format"`  // 1
	Through int `json:"through"` // the highest number of the runs that are counted: all up to it have ended
	retrain.Tally
}

const (
	tallyFormat = 1
	talliedMost = 30 // runs that one verdict takes the tally past, where it lags behind
)

func tallyKey(model string) string { return runsKey(model) + "tally.json" }

// readTally returns the zero tally where there is none, or one of a format that we do not know.
func (r *Runs) readTally(ctx context.Context, model string) (tally, Cond, error) {
	t, e, err := getJSON[tally](ctx, r.Bucket, tallyKey(model))
	switch {
	case errors.Is(err, retrain.NotFoundError):
		return tally{Format: tallyFormat}, IfAbsent, nil
	case err == nil && t.Format != tallyFormat:
		t = tally{} // and it is left as it is
	}
	return t, IfMatch(e), err
}

// Tally counts a model's runs that have ended. It reads those that the tally does not have: a handful, however many there are.
func (r *Runs) Tally(ctx context.Context, model string) (retrain.Tally, error) {
	t, _, err := r.readTally(ctx, model)
	if err != nil {
		return t.Tally, err
	}
	var since retrain.Tally
	for run, err := range r.Runs(ctx, model) {
		if err != nil {
			return t.Tally, err
		}
		if run.ID.Number <= t.Through {
			break
		}
		since.Before(run.Result)
	}
	return t.And(since), nil
}

// count takes the model's tally past a run that has just ended, if all before it have. Those before that are not there were removed.
func (r *Runs) count(ctx context.Context, id retrain.RunID, result *retrain.Result) error {
	t, cond, err := r.readTally(ctx, id.Model)
	if err != nil || t.Format != tallyFormat || t.Through >= id.Number {
		return err
	}
	was := t.Through
	for last := min(id.Number, t.Through+talliedMost); t.Through < last; t.Through++ {
		next := retrain.RunID{Model: id.Model, Number: t.Through + 1}
		ended := result
		if next != id {
			if ended, err = r.endOf(ctx, next); err != nil {
				break // it is open: what was counted until here holds
			}
		}
		t.After(ended)
	}
	if t.Through == was {
		return err
	}
	return errors.Join(err, putJSON(ctx, r.Bucket, tallyKey(id.Model), t, cond))
}

// endOf returns a run's verdict, nil for a run that is not there, and a ConflictError for one that is open.
func (r *Runs) endOf(ctx context.Context, id retrain.RunID) (*retrain.Result, error) {
	result, err := optional[retrain.Result](ctx, r.Bucket, runKey(id)+"result.json")
	if result != nil || err != nil {
		return result, err
	}
	if _, _, err := r.Bucket.Get(ctx, runKey(id)+"request.json"); !errors.Is(err, retrain.NotFoundError) {
		return nil, errors.Join(err, retrain.Errorf(retrain.ConflictError, "%s is open", id))
	}
	return nil, nil //nolint:nilnil // the point of it
}
