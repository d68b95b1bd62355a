package s3io

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"retrain"
)

// Runs keeps runs. A run's request, start and verdict are each written once.
type Runs struct {
	Bucket Bucket

	mu        sync.Mutex            // guards the following
	sequences map[retrain.RunID]int // the last checkpoint that we have read or written
	latest    map[string]int        // the highest number of each model's runs that we have seen
}

var (
	_ retrain.Runs       = (*Runs)(nil)
	_ retrain.RunHistory = (*Runs)(nil)
)

func runsKey(model string) string { return modelKey(model) + "runs/" }

func runKey(id retrain.RunID) string { return fmt.Sprintf("%s%08d/", runsKey(id.Model), id.Number) }

// CreateRun stores a request, or returns a ConflictError where the number is taken.
func (r *Runs) CreateRun(ctx context.Context, run retrain.Run) error {
	run.Start, run.Result = nil, nil
	return putJSON(ctx, r.Bucket, runKey(run.ID)+"request.json", run, IfAbsent)
}

// Run returns a run as far as it has come, or a NotFoundError.
func (r *Runs) Run(ctx context.Context, id retrain.RunID) (retrain.Run, error) {
	run, err := optional[retrain.Run](ctx, r.Bucket, runKey(id)+"request.json")
	if err != nil {
		return retrain.Run{}, err
	}
	if run == nil {
		return retrain.Run{}, retrain.Errorf(retrain.NotFoundError, "there is no run %s", id).
			WithHint("producer runs %s lists them", id.Model)
	}
	run.ID = id
	// The verdict before the start: a run that ends between the two reads must not look as if it had never begun.
	if run.Result, err = optional[retrain.Result](ctx, r.Bucket, runKey(id)+"result.json"); err != nil {
		return *run, err
	}
	run.Start, err = optional[retrain.Start](ctx, r.Bucket, runKey(id)+"dataset.json")
	return *run, err
}

// Runs yields a model's runs, newest first, until one is missing: their numbers have no gaps. It lists nothing, so that whoever stops
// after a few does not pay for those before them.
func (r *Runs) Runs(ctx context.Context, model string) iter.Seq2[retrain.Run, error] {
	return func(yield func(retrain.Run, error) bool) {
		newest, err := r.newest(ctx, model)
		if err != nil {
			yield(retrain.Run{}, err)
			return
		}
		read := func(ctx context.Context, i int) (retrain.Run, error) {
			return r.Run(ctx, retrain.RunID{Model: model, Number: newest - i})
		}
		for run, err := range inOrder(ctx, newest, 2, read) { // most callers stop at the first or second
			if errors.Is(err, retrain.NotFoundError) || !yield(run, err) {
				return
			}
		}
	}
}

// newest returns the highest number that a run of a model has, or that one has had where they were removed. It asks for ever higher
// ones, beginning with what was found the last time, or else with the champion's: one request where nothing is new, about two for
// each doubling of how many are.
func (r *Runs) newest(ctx context.Context, model string) (int, error) {
	r.mu.Lock()
	last := r.latest[model]
	r.mu.Unlock()
	if last == 0 {
		c, err := optional[retrain.Champion](ctx, r.Bucket, championKey(model))
		if err != nil {
			return 0, err
		}
		if c != nil {
			last = c.Highest
		}
	}
	missing := 0 // the lowest number that is known to be free; 0: none
	for step := 1; missing == 0 || missing-last > 1; {
		next := last + step
		if missing != 0 {
			next = last + (missing-last)/2
		}
		switch _, _, err := r.Bucket.Get(ctx, runKey(retrain.RunID{Model: model, Number: next})+"request.json"); {
		case errors.Is(err, retrain.NotFoundError):
			missing = next
		case err != nil:
			return 0, err
		default:
			last, step = next, 2*step
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil {
		r.latest = make(map[string]int)
	}
	r.latest[model] = max(last, r.latest[model])
	return last, nil
}

// StartRun stores the start; where one exists, that one is returned and holds.
func (r *Runs) StartRun(ctx context.Context, id retrain.RunID, s retrain.Start) (retrain.Start, error) {
	key := runKey(id) + "dataset.json"
	err := putJSON(ctx, r.Bucket, key, s, IfAbsent)
	if err == nil {
		r.remember(id, begun)
	} else if errors.Is(err, retrain.ConflictError) {
		s, _, err = getJSON[retrain.Start](ctx, r.Bucket, key)
	}
	return s, err
}

// FinishRun stores the verdict; where one exists, that one is returned and holds. The run's checkpoints go and it is counted, as far as
// that works: what stays takes only space, and whoever counts the runs finds it anyway.
func (r *Runs) FinishRun(ctx context.Context, id retrain.RunID, result retrain.Result) (retrain.Result, error) {
	result, err := once(ctx, r.Bucket, runKey(id)+"result.json", result)
	if err == nil {
		_ = r.forget(ctx, id)
		_ = r.count(ctx, id, &result)
	}
	return result, err
}
