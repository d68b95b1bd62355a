package s3io

import (
	"context"
	"errors"
	"slices"
	"strings"

	"retrain"
)

// Which versions are pinned, and which are about to be removed, is one object: so a version cannot become both.

func pinsKey(model string) string { return modelKey(model) + "pins.json" }

var _ retrain.Attic = (*Registry)(nil)

// Numbers returns the numbers of a model's versions, highest first, those that were not published to their end included.
func (r *Registry) Numbers(ctx context.Context, model string) ([]int, error) {
	return numbersUnder(ctx, r.Bucket, versionsKey(model))
}

// Pins returns what is said of single versions of a model.
func (r *Registry) Pins(ctx context.Context, model string) (retrain.Pins, error) {
	p, err := optional[retrain.Pins](ctx, r.Bucket, pinsKey(model))
	if err != nil || p == nil {
		return retrain.Pins{}, err
	}
	return *p, nil
}

// ChangePins replaces the pins by what change returns, unless it says false, and returns them as they stand.
func (r *Registry) ChangePins(ctx context.Context, model string, change func(retrain.Pins) (retrain.Pins, bool)) (retrain.Pins, error) {
	for range mostMoves {
		was, e, err := getJSON[retrain.Pins](ctx, r.Bucket, pinsKey(model))
		cond := IfMatch(e)
		if errors.Is(err, retrain.NotFoundError) {
			cond = IfAbsent
		} else if err != nil {
			return was, err
		}
		next, changed := change(was)
		if !changed {
			return next, nil
		}
		if err := putJSON(ctx, r.Bucket, pinsKey(model), next, cond); !errors.Is(err, retrain.ConflictError) {
			return next, err
		}
	}
	return retrain.Pins{}, retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", pinsKey(model), mostMoves)
}

// Remove removes a version completely: its manifest first, by which it exists, then what TensorFlow Serving looks for, then
// the rest, and the note that it is to be removed last. Whoever dies on the way leaves that note.
func (r *Registry) Remove(ctx context.Context, model string, version int) error {
	prefix := versionKey(model, version)
	for _, first := range []string{manifestName, "saved_model.pb"} {
		if err := r.Bucket.Delete(ctx, prefix+first); err != nil {
			return err
		}
	}
	if err := deleteUnder(ctx, r.Bucket, prefix); err != nil {
		return err
	}
	_, err := r.ChangePins(ctx, model, func(p retrain.Pins) (retrain.Pins, bool) {
		before := len(p.Retired)
		p.Retired = slices.DeleteFunc(p.Retired, func(n int) bool { return n == version })
		return p, len(p.Retired) != before
	})
	return err
}

// deleteUnder removes all objects below a prefix, which ends with a slash.
func deleteUnder(ctx context.Context, b Bucket, prefix string) error {
	var keys []string
	for o, err := range b.List(ctx, Listing{Prefix: prefix}) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(o.Key, prefix) { // a server that lists more must not lose it
			keys = append(keys, o.Key)
		}
	}
	_, err := all(ctx, len(keys), fetches, func(ctx context.Context, i int) (struct{}, error) {
		return struct{}{}, b.Delete(ctx, keys[i])
	})
	return err
}

// servable returns a NotFoundError unless a version is published, and is not about to be removed.
func (r *Registry) servable(ctx context.Context, model string, version int) error {
	if _, err := r.Manifest(ctx, model, version); err != nil {
		return err
	}
	p, err := r.Pins(ctx, model)
	if err == nil && slices.Contains(p.Retired, version) {
		err = retrain.Errorf(retrain.NotFoundError, "version %d of model %s is being removed", version, model).WithHint("producer versions %s", model)
	}
	return err
}
