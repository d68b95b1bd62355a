package retrain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// A RunStore keeps runs in S3.
type RunStore interface {
	// CreateRun stores a request; it returns a ConflictError where the number is taken.
	CreateRun(ctx context.Context, r Run) error
	// Run returns a run as far as it has come, or a NotFoundError.
	Run(ctx context.Context, id RunID) (Run, error)
}

// A Queue hands runs to workers.
type Queue interface {
	// Enqueue puts a run's task into the queue of its model's lane. The same attempt again changes nothing.
	Enqueue(ctx context.Context, id RunID, attempt int, lane string, why Reason) error
}

// A Requested notes that a run waits.
type Requested interface {
	// Requested sets the model's queued run, if it is the next after those that are known and no other one waits, and returns
	// the state.
	Requested(ctx context.Context, id RunID) (State, error)
}

// A Requester gives models their runs.
type Requester struct {
	Runs   RunStore
	Queue  Queue
	Ledger Requested
	By     string // who asks by hand
	Tracer Tracer // nil: nothing is followed
	Now    func() time.Time
	Log    *slog.Logger
}

// Request makes sure that a run of m starts after now and returns it. Requests coalesce: where a run already waits, that is
// the one; while another is at work, the new one waits for its end.
func (q *Requester) Request(ctx context.Context, m *Model, s State, why Reason, resetWeights bool) (RunID, error) {
	return q.ask(ctx, m, s, Run{ID: RunID{m.Name, s.Latest + 1}, Reason: why, ResetWeights: resetWeights})
}

// ask requests a run, unless one waits.
func (q *Requester) ask(ctx context.Context, m *Model, s State, run Run) (id RunID, err error) {
	id = RunID{Model: m.Name, Number: s.Queued}
	if s.Queued == 0 {
		var end func(error)
		ctx, end = begin(run.ID.Within(ctx), q.Tracer, "request", "run", run.ID.String(), "reason", string(run.Reason))
		defer func() { end(err) }()
		run.RequestedAt, run.Trace = q.Now().UTC(), mark(ctx, q.Tracer)
		if run.Reason == ByHand || run.Reason == ByImport {
			run.By = q.By
		}
		if id, err = q.create(ctx, run); err != nil {
			return id, fmt.Errorf("request %s: %w", run.ID, err)
		}
		if s, err = q.Ledger.Requested(ctx, id); err != nil {
			return id, fmt.Errorf("request %s: %w", id, err)
		}
		q.Log.InfoContext(ctx, "run requested", "run", id.String(), "why", run.Reason)
	}
	if s.Running != 0 && s.Running != id.Number || s.Queued != id.Number {
		return id, nil // whoever ends that run hands this one on, or the sweep does, when the state knows of it
	}
	return id, q.Queue.Enqueue(ctx, id, s.Attempt, m.Lane(), run.Reason)
}

// create stores r, unless the run of its number waits already. A ConflictError says that it has begun: what was known of the
// model is out of date.
func (q *Requester) create(ctx context.Context, r Run) (RunID, error) {
	err := q.Runs.CreateRun(ctx, r)
	if !errors.Is(err, ConflictError) {
		return r.ID, err
	}
	other, err := q.Runs.Run(ctx, r.ID) // the state was behind: somebody was first
	if err == nil && other.State() == Queued && r.Import != nil {
		err = waits(r.ID)
	}
	if err != nil || other.State() == Queued {
		return r.ID, err
	}
	return r.ID, Errorf(ConflictError, "run %s has begun, and Redis does not know of it", r.ID).
		WithHint("it catches up by itself within a minute: producer doctor tells")
}
