package tasks

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Take marks a run as at work and takes the rows of its batches out of the count. Again, it changes nothing, and neither does
// it for a run that has ended. Batches that were learnt before stay learnt. It returns a NotFoundError for a model whose
// state has to be rebuilt first, and a ConflictError while another run of the model is at work.
func (l *Ledger) Take(ctx context.Context, id retrain.RunID, batches []string) error {
	for first := true; first || len(batches) > 0; first = false {
		n := min(chunk, len(batches))
		args := append([]any{id.Number, flag(n == len(batches)), l.now()}, anys(batches[:n])...)
		err := takeScript.Run(ctx, l.Conn.Redis, foldKeys(id.Model), args...).Err()
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
	rows := any(flag(o.Learnt))
	if o.Cancelled {
		rows = "aside"
	}
	args := []any{id.Number, rows, o.Needs, flag(o.Failed), o.Error, l.now()}
	for n := 1; n == 1 || retrain.Backoff(n) > retrain.Backoff(n-1); n++ {
		args = append(args, retrain.Backoff(n).Milliseconds())
	}
	keys := append(bookKeys(id.Model), progressKey(id.Model))
	return l.state(settleScript.Run(ctx, l.Conn.Redis, keys, args...), id.Model, "settle "+id.String())
}

// Uncovered returns how many rows of a model no run has learnt, those of the run at work included, or a NotFoundError.
func (l *Ledger) Uncovered(ctx context.Context, model string) (int, error) {
	s, err := l.State(ctx, model)
	if err != nil {
		return 0, err
	}
	taken, err := l.Conn.Redis.HVals(ctx, takenKey(model)).Result()
	for _, rows := range taken {
		n, _ := strconv.Atoi(rows) // "": not counted yet
		s.Inserted += n
	}
	return s.Inserted, l.Conn.fault(err, "rows of "+model)
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
