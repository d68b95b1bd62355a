package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Take marks a run as at work and takes the rows of its batches out of the count. Again, it changes nothing, and neither does
// it for a run that has ended. Batches that were learnt before stay learnt. It returns a NotFoundError for a model whose
// state has to be rebuilt first, and a ConflictError while another run of the model is at work.
func (l *Ledger) Take(ctx context.Context, id retrain.RunID, batches []string, at time.Time) error {
	for first := true; first || len(batches) > 0; first = false {
		n := min(chunk, len(batches))
		began := ""
		if n == len(batches) {
			began = timeText(at)
		}
		args := append([]any{id.Number, began, l.now()}, anys(batches[:n])...)
		err := takeScript.Run(ctx, l.Conn.Redis, bookKeys(id.Model), args...).Err()
		if errors.Is(err, redis.Nil) {
			return noState(id.Model)
		} else if err != nil {
			return l.Conn.fault(err, "take "+id.String())
		}
		batches = batches[n:]
	}
	return nil
}

// Settle ends a run: what it took is learnt, or is given back, both the rows and the time since the training before. Again, it
// changes nothing. It returns the state, or a NotFoundError for a model whose state has to be rebuilt first.
func (l *Ledger) Settle(ctx context.Context, id retrain.RunID, o retrain.Outcome) (retrain.State, error) {
	args := []any{id.Number, flag(o.Learnt), o.Needs, flag(o.Failed), o.Error, l.now()}
	for n := 1; n == 1 || retrain.Backoff(n) > retrain.Backoff(n-1); n++ {
		args = append(args, timeText(o.At.Add(retrain.Backoff(n))))
	}
	keys := append(bookKeys(id.Model), progressKey(id.Model))
	return l.state(settleScript.Run(ctx, l.Conn.Redis, keys, args...), id.Model, "settle "+id.String())
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func anys(texts []string) []any {
	return slices.Collect(func(yield func(any) bool) {
		for _, t := range texts {
			if !yield(t) {
				return
			}
		}
	})
}
