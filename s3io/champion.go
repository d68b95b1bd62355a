package s3io

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"retrain"
)

// A move is a champion's pointer as it is stored, and an entry of its history: both are the same bytes. Each names the digest
// of the one before, so that the pointer vouches for the whole history.
type move struct {
	retrain.Champion
	Before string `json:"before,omitempty"` // sha256 of the move before, hexadecimal
}

func championKey(model string) string { return modelKey(model) + "champion.json" }

func historyKey(model string, sequence int) string {
	return fmt.Sprintf("%shistory/%08d.json", modelKey(model), sequence)
}

// Champion returns a model's pointer, or a ModelNotTrainedError.
func (r *Registry) Champion(ctx context.Context, model string) (retrain.Champion, error) {
	_, m, _, err := r.champion(ctx, model)
	if err == nil && m.Version == 0 {
		err = notTrained(model)
	}
	return m.Champion, err
}

func notTrained(model string) error {
	return retrain.Errorf(retrain.ModelNotTrainedError, "model %q has no version yet", model).
		WithHint("producer train %s --wait", model)
}

// champion reads the pointer. Where there is none it returns one that was never moved.
func (r *Registry) champion(ctx context.Context, model string) (raw []byte, m move, e ETag, err error) {
	raw, e, err = r.Bucket.Get(ctx, championKey(model))
	if errors.Is(err, retrain.NotFoundError) {
		return nil, move{Champion: retrain.Champion{Model: model}}, "", nil
	} else if err != nil {
		return nil, m, "", err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, m, "", retrain.Errorf(retrain.DataValidationError, "%s: %w", championKey(model), err)
	}
	return raw, m, e, nil
}

// MoveChampion moves the pointer by compare-and-swap, and only to a version that is published. Each move is kept in the history;
// where whoever moved it died in between, the next one does it for him.
func (r *Registry) MoveChampion(ctx context.Context, model string, to func(retrain.Champion) (retrain.Champion, bool)) (retrain.Champion, error) {
	for range mostMoves {
		raw, was, e, err := r.champion(ctx, model)
		if err != nil {
			return was.Champion, err
		}
		next, moves := to(was.Champion)
		if !moves {
			if was.Version == 0 {
				err = notTrained(model)
			}
			return was.Champion, err
		}
		next.Model, next.Sequence = model, was.Sequence+1
		err = r.move(ctx, move{Champion: next}, raw, was.Sequence, e)
		if err == nil {
			return r.moved(ctx, next)
		}
		if !errors.Is(err, retrain.ConflictError) {
			return next, err
		}
	}
	return retrain.Champion{}, retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", championKey(model), mostMoves).
		WithHint("does the S3 server honour conditional writes? producer doctor tells")
}

// No model has so many publishers: a server with broken conditions must not keep us for ever.
const mostMoves = 100

// move replaces the pointer, whose bytes were raw, unless somebody else was first.
func (r *Registry) move(ctx context.Context, next move, raw []byte, sequence int, e ETag) error {
	if err := r.servable(ctx, next.Model, next.Version); err != nil {
		return err
	}
	return r.replace(ctx, next, raw, sequence, e)
}

// replace writes the pointer, and both moves into the history.
func (r *Registry) replace(ctx context.Context, next move, raw []byte, sequence int, e ETag) error {
	cond := IfAbsent
	if sequence > 0 {
		cond, next.Before = IfMatch(e), digest(raw)
		if err := r.remember(ctx, next.Model, sequence, raw); err != nil {
			return err
		}
	}
	body, err := marshal(next)
	if err != nil {
		return err
	}
	if _, err := r.Bucket.Put(ctx, championKey(next.Model), body, cond); err != nil {
		return err
	}
	return r.remember(ctx, next.Model, next.Sequence, body)
}

// moved looks once more whether the version that has just become champion is there: it may have been retired in this very
// moment. The one before it is champion again then.
func (r *Registry) moved(ctx context.Context, c retrain.Champion) (retrain.Champion, error) {
	gone := r.servable(ctx, c.Model, c.Version)
	if !errors.Is(gone, retrain.NotFoundError) || c.Previous == 0 {
		return c, nil // whatever else went wrong: it was there when it was moved
	}
	back, err := r.MoveChampion(ctx, c.Model, func(now retrain.Champion) (retrain.Champion, bool) {
		if now.Sequence != c.Sequence {
			return now, false
		}
		return now.Moved(c.Previous, c.At, "version was removed")
	})
	return back, errors.Join(gone, err)
}

// remember adds a move to the history, unless it is there.
func (r *Registry) remember(ctx context.Context, model string, sequence int, body []byte) error {
	_, err := r.Bucket.Put(ctx, historyKey(model, sequence), body, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		return nil
	}
	return err
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// History returns all moves of a model's pointer, oldest first: what served when, and why. An entry that is missing or was changed
// is a DataValidationError.
func (r *Registry) History(ctx context.Context, model string) ([]retrain.Champion, error) {
	moves := []retrain.Champion{}
	for c, err := range r.Moves(ctx, model) {
		if err != nil {
			return nil, err
		}
		moves = append(moves, c)
	}
	slices.Reverse(moves)
	return moves, nil
}

// Moves yields the moves of a model's pointer, newest first. Each vouches for the one before it by its digest, so that whatever is
// yielded is verified; an entry that is missing or was changed is a DataValidationError.
func (r *Registry) Moves(ctx context.Context, model string) iter.Seq2[retrain.Champion, error] {
	return func(yield func(retrain.Champion, error) bool) {
		_, now, _, err := r.champion(ctx, model)
		if err != nil {
			yield(retrain.Champion{}, err)
			return
		}
		if now.Sequence == 0 || !yield(now.Champion, nil) {
			return
		}
		after := now
		read := func(ctx context.Context, i int) ([]byte, error) {
			body, _, err := r.Bucket.Get(ctx, historyKey(model, now.Sequence-1-i))
			if errors.Is(err, retrain.NotFoundError) {
				return nil, nil
			}
			return body, err
		}
		for body, err := range inOrder(ctx, now.Sequence-1, fetches, read) {
			var m move
			if err == nil && (digest(body) != after.Before || json.Unmarshal(body, &m) != nil || m.Sequence != after.Sequence-1) {
				err = retrain.Errorf(retrain.DataValidationError, "the history of %s is broken at move %d", model, after.Sequence-1).
					WithHint("somebody changed %s or the move after it", historyKey(model, after.Sequence-1))
			}
			if !yield(m.Champion, err) || err != nil {
				return
			}
			after = m
		}
	}
}
