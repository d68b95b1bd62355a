package s3io

import (
	"context"
	"errors"
	"time"

	"retrain"
)

// Dispose says that a model is to be removed: from then on nobody sees it. What is left of it goes afterwards, and this note last.
func (s *Specs) Dispose(ctx context.Context, model string, at time.Time) error {
	at = at.UTC()
	if err := putJSON(ctx, s.Bucket, modelKey(model)+specName, modelSpec{Model: retrain.Model{Name: model}, Disposed: &at}, Always); err != nil {
		return err
	}
	return s.gather(ctx, []string{modelKey(model)})
}

// Remove removes the note that a model is to be removed, unless the model was declared anew meanwhile.
func (s *Specs) Remove(ctx context.Context, model string) error {
	is, err := optional[modelSpec](ctx, s.Bucket, modelKey(model)+specName)
	if err != nil {
		return err
	}
	if is != nil && is.Disposed != nil {
		if err := s.Bucket.Delete(ctx, modelKey(model)+specName); err != nil {
			return err
		}
	}
	return s.gather(ctx, []string{modelKey(model)}) // also where somebody has removed it, and died
}

// Dethrone leaves a model without a champion, and sees to it that no version up to latest becomes one any more. It is a move like
// any other, and kept in the history.
func (r *Registry) Dethrone(ctx context.Context, model string, latest int, at time.Time, by string) error {
	for range mostMoves {
		raw, was, e, err := r.champion(ctx, model)
		if err != nil || was.Sequence > 0 && was.Version == 0 && was.Highest >= latest {
			return err
		}
		next := was.Champion
		next.Previous, next.Version, next.Highest = was.Version, 0, max(latest, was.Highest)
		next.Model, next.Sequence, next.At, next.Why, next.By = model, was.Sequence+1, at.UTC(), "the model was disposed of", by
		if err := r.replace(ctx, move{Champion: next}, raw, was.Sequence, e); !errors.Is(err, retrain.ConflictError) {
			return err
		}
	}
	return retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", championKey(model), mostMoves)
}

// RemoveAll removes a model's versions, runs, imports and pins. What served when stays in its history.
func (r *Registry) RemoveAll(ctx context.Context, model string) error {
	numbers, err := r.Numbers(ctx, model)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := r.Remove(ctx, model, n); err != nil {
			return err
		}
	}
	for _, folder := range []string{"versions/", "imports/", "runs/"} {
		if err := deleteUnder(ctx, r.Bucket, modelKey(model)+folder); err != nil {
			return err
		}
	}
	return r.Bucket.Delete(ctx, pinsKey(model))
}
