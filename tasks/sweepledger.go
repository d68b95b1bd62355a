package tasks

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// How long the batches of a rebuilding are kept that was given up.
const stagedTTL = 10 * time.Minute

// Uncounted returns those of the batches that were never counted for the model, in their order, or a NotFoundError where its
// state has to be rebuilt.
func (l *Ledger) Uncounted(ctx context.Context, model string, batches []string) ([]string, error) {
	var missing []string
	for len(batches) > 0 {
		part := batches[:min(chunk, len(batches))]
		positions, err := uncountedScript.Run(ctx, l.Conn.Redis, bookKeys(model), anys(part)...).Int64Slice()
		if errors.Is(err, redis.Nil) {
			return nil, noState(model)
		} else if err != nil {
			return nil, l.Conn.fault(err, "look for uncounted batches of "+model)
		}
		for _, i := range positions {
			missing = append(missing, part[i-1])
		}
		batches = batches[len(part):]
	}
	return missing, nil
}

// Fold puts the batches of an absorption together under its id, and returns those that have to be counted before; nothing is done
// then. While the run at work has taken some of them, and not all, it does nothing and returns none. It returns a NotFoundError
// where the state has to be rebuilt.
func (l *Ledger) Fold(ctx context.Context, model, absorption string, batches []string) (uncounted []string, err error) {
	positions, err := foldScript.Run(ctx, l.Conn.Redis, foldKeys(model), append([]any{absorption}, anys(batches)...)...).Int64Slice()
	if errors.Is(err, redis.Nil) {
		return nil, noState(model)
	} else if err != nil {
		return nil, l.Conn.fault(err, "fold batches of "+model)
	}
	for _, i := range positions {
		uncounted = append(uncounted, batches[i-1])
	}
	return uncounted, nil
}

// Retain takes out of the count what was counted of all batches but these. What a run has taken or learnt stays as it is.
func (l *Ledger) Retain(ctx context.Context, model string, batches []string) error {
	pending, err := l.Conn.Redis.HKeys(ctx, pendingKey(model)).Result()
	if err != nil {
		return l.Conn.fault(err, "pending batches of "+model)
	}
	exist := make(map[string]bool, len(batches))
	for _, b := range batches {
		exist[b] = true
	}
	gone := slices.DeleteFunc(pending, func(b string) bool { return exist[b] })
	for part := range slices.Chunk(gone, chunk) {
		if err := retainScript.Run(ctx, l.Conn.Redis, bookKeys(model)[:2], anys(part)...).Err(); err != nil {
			return l.Conn.fault(err, "forget batches of "+model)
		}
	}
	return nil
}

// HandOn raises the attempt of the model's open run from what it was. It returns a ConflictError when somebody else did, or
// when another run is the open one.
func (l *Ledger) HandOn(ctx context.Context, id retrain.RunID, attempt int) (retrain.State, error) {
	cmd := handOnScript.Run(ctx, l.Conn.Redis, []string{stateKey(id.Model)}, id.Number, attempt, l.now())
	return l.state(cmd, id.Model, "hand on "+id.String())
}

// Forget drops the state of a model, if the highest run number that it knows is still that one. It has to be rebuilt then.
func (l *Ledger) Forget(ctx context.Context, model string, latest int) error {
	return l.Conn.fault(forgetScript.Run(ctx, l.Conn.Redis, []string{stateKey(model)}, latest).Err(), "forget "+model)
}

// Reset stores a rebuilt state: the batches that are learnt, those that the running run took, with their rows, and those that are among
// them by the id of their absorption only. It does nothing where a state exists. Nobody sees a half of it: the batches are staged first and put in place at once.
func (l *Ledger) Reset(ctx context.Context, model string, s retrain.State, learnt []string, taken map[string]int, folded []string) error {
	token := rand.Text()
	keys := append(foldKeys(model), stagedKey(model, token, "taken"), stagedKey(model, token, "learnt"), stagedKey(model, token, "folded"))
	open := maps.Clone(taken)
	for _, batch := range learnt { // the run may have learnt from them again, but their rows are never given back
		delete(open, batch)
	}
	pairs := make([]any, 0, 2*len(open))
	for batch, rows := range open {
		pairs = append(pairs, batch, rows)
	}
	notes := make([]any, 0, 2*len(folded))
	for _, batch := range folded {
		notes = append(notes, batch, "")
	}
	err := l.stage(ctx, keys[6], pairs, func(p redis.Pipeliner, part []any) { p.HSet(ctx, keys[6], part...) })
	if err == nil {
		err = l.stage(ctx, keys[7], anys(learnt), func(p redis.Pipeliner, part []any) { p.SAdd(ctx, keys[7], part...) })
	}
	if err == nil {
		err = l.stage(ctx, keys[8], notes, func(p redis.Pipeliner, part []any) { p.HSet(ctx, keys[8], part...) })
	}
	if err == nil {
		err = resetScript.Run(ctx, l.Conn.Redis, keys, append([]any{l.now()}, writeState(s)...)...).Err()
	}
	return l.Conn.fault(err, "rebuild "+model)
}

// stage adds values to a key that expires, some at a time.
func (l *Ledger) stage(ctx context.Context, key string, values []any, add func(p redis.Pipeliner, part []any)) error {
	for part := range slices.Chunk(values, chunk) {
		_, err := l.Conn.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			add(p, part)
			p.Expire(ctx, key, stagedTTL)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Drop removes everything that is known of a model.
func (l *Ledger) Drop(ctx context.Context, model string) error {
	return l.Conn.fault(l.Conn.Redis.Del(ctx, append(bookKeys(model), progressKey(model))...).Err(), "drop "+model)
}
