package retrain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// A RunID names one training of one model. Its number is also the number of the version that it may publish, so that two
// workers on the same run can only ever publish the same version.
type RunID struct {
	Model  string
	Number int // from 1
}

// String returns "price-7".
func (id RunID) String() string { return id.Model + "-" + strconv.Itoa(id.Number) }

// MarshalText returns the id as String does.
func (id RunID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *RunID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseRunID(string(b))
	return err
}

// ParseRunID reads "price-7". The model's own name may have hyphens.
func ParseRunID(s string) (RunID, error) {
	i := strings.LastIndexByte(s, '-')
	n, err := strconv.Atoi(s[i+1:])
	if i < 1 || err != nil || n < 1 {
		return RunID{}, Errorf(NotFoundError, "%q is not the id of a run", s).WithHint("a run is named like price-7")
	}
	return RunID{Model: s[:i], Number: n}, nil
}

// A RunState is how far a run has come. It is stored: never change a value.
type RunState string

// The states of a run. The first two are on the way, the others are verdicts.
const (
	Queued    RunState = "queued"
	Running   RunState = "running"
	Published RunState = "published"
	Rejected  RunState = "rejected" // published as a version, but the gate kept the champion
	Failed    RunState = "failed"
	Cancelled RunState = "cancelled"
)

// A Run is one training, from request to verdict. The request, the start and the result are three objects in S3, each
// written once.
type Run struct {
	ID           RunID     `json:"run"`
	Reason       Reason    `json:"reason"`
	RequestedAt  time.Time `json:"requestedAt"`
	ResetWeights bool      `json:"resetWeights"` // false: continue from the champion's weights
	Import       *Import   `json:"import,omitempty"`

	Start  *Start  `json:"start,omitempty"`  // nil while queued
	Result *Result `json:"result,omitempty"` // nil until the verdict
}

// State returns how far the run has come.
func (r *Run) State() RunState {
	switch {
	case r.Result != nil:
		return r.Result.State
	case r.Start != nil:
		return Running
	}
	return Queued
}

// A RunStore keeps runs in S3.
type RunStore interface {
	// CreateRun stores a request; it returns a ConflictError where the number is taken.
	CreateRun(ctx context.Context, r Run) error
	// Run returns a run as far as it has come, or a NotFoundError.
	Run(ctx context.Context, id RunID) (Run, error)
}

// A Queue hands runs to workers.
type Queue interface {
	// Enqueue puts a run's task into the queue of its model's priority. The same attempt again changes nothing.
	Enqueue(ctx context.Context, id RunID, attempt int, priority string, why Reason) error
}

// A Requested notes that a run waits.
type Requested interface {
	// Requested sets the model's queued run, unless a later one is known, and returns the state.
	Requested(ctx context.Context, id RunID) (State, error)
}

// A Requester gives models their runs.
type Requester struct {
	Runs   RunStore
	Queue  Queue
	Ledger Requested
	Now    func() time.Time
	Log    *slog.Logger
}

// Request makes sure that a run of m starts after now and returns it. Requests coalesce: where a run already waits, that is
// the one; while another is at work, the new one waits for its end.
func (q *Requester) Request(ctx context.Context, m *Model, s State, why Reason, resetWeights bool) (RunID, error) {
	return q.ask(ctx, m, s, Run{ID: RunID{m.Name, s.Latest + 1}, Reason: why, ResetWeights: resetWeights})
}

// ask requests a run, unless one waits.
func (q *Requester) ask(ctx context.Context, m *Model, s State, run Run) (RunID, error) {
	id := RunID{Model: m.Name, Number: s.Queued}
	if s.Queued == 0 {
		run.RequestedAt = q.Now().UTC()
		var err error
		if id, err = q.create(ctx, run); err != nil {
			return id, fmt.Errorf("request %s: %w", run.ID, err)
		}
		if s, err = q.Ledger.Requested(ctx, id); err != nil {
			return id, fmt.Errorf("request %s: %w", id, err)
		}
		q.Log.InfoContext(ctx, "run requested", "run", id.String(), "why", run.Reason)
	}
	if s.Running != 0 && s.Running != id.Number {
		return id, nil // whoever ends that run hands this one on
	}
	return id, q.Queue.Enqueue(ctx, id, s.Attempt, m.WithDefaults().Priority, run.Reason)
}

// create stores r under the first number that is free, counting from its own, unless it meets a run that still waits.
func (q *Requester) create(ctx context.Context, r Run) (RunID, error) {
	for {
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
		r.ID.Number++
	}
}
