package s3io

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

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
	if err == nil && m.Sequence == 0 {
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
			if was.Sequence == 0 {
				err = notTrained(model)
			}
			return was.Champion, err
		}
		next.Model, next.Sequence = model, was.Sequence+1
		err = r.move(ctx, move{Champion: next}, raw, was.Sequence, e)
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
	if _, err := r.Manifest(ctx, next.Model, next.Version); err != nil {
		return err
	}
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

// History returns all moves of a model's pointer, oldest first: what served when, and why. It is verified from the pointer
// backwards; an entry that is missing or was changed is a DataValidationError.
func (r *Registry) History(ctx context.Context, model string) ([]retrain.Champion, error) {
	raw, now, _, err := r.champion(ctx, model)
	if err != nil {
		return nil, err
	}
	bodies, err := all(ctx, max(0, now.Sequence-1), fetches, func(ctx context.Context, i int) ([]byte, error) {
		body, _, err := r.Bucket.Get(ctx, historyKey(model, i+1))
		return body, err
	})
	if err != nil {
		return nil, err
	}
	if now.Sequence > 0 {
		bodies = append(bodies, raw)
	}
	moves := make([]retrain.Champion, len(bodies))
	before := ""
	for i, body := range bodies {
		var m move
		if err := json.Unmarshal(body, &m); err != nil || m.Before != before || m.Sequence != i+1 {
			return nil, retrain.Errorf(retrain.DataValidationError, "the history of %s is broken at move %d", model, i+1).
				WithHint("somebody changed %s or the move after it", historyKey(model, max(1, i)))
		}
		moves[i], before = m.Champion, digest(bytes.Clone(body))
	}
	return moves, nil
}
