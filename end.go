package retrain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// An EndedLedger is told that runs have ended.
type EndedLedger interface {
	// Settle ends a run: what it took is learnt, or is given back. Again, it changes nothing. It returns the state, or a
	// NotFoundError for a model whose state has to be rebuilt first.
	Settle(ctx context.Context, id RunID, o Outcome) (State, error)
	// Uncovered returns how many rows of a model no run has learnt, those of the run at work included.
	Uncovered(ctx context.Context, model string) (int, error)
}

// Endings carries verdicts out. A verdict is one object in S3; what follows from it is done by whoever comes, as often as he
// comes, from wherever it stands.
type Endings struct {
	Catalog  *Catalog
	Runs     RunEnds
	Registry Registry
	Ledger   EndedLedger
	Leases   Revoker
	Queue    Queue
	Events   Announcer
	Ended    func(*Run) // is told of each verdict that is reached here, once it is stored; nil: nobody is
	Tracer   Tracer     // nil: nothing is followed
	Now      func() time.Time
	Log      *slog.Logger
}

// RunEnds reads runs and ends them.
type RunEnds interface {
	RunStore
	// FinishRun stores the verdict; where one exists, that one is returned and holds.
	FinishRun(ctx context.Context, id RunID, r Result) (Result, error)
}

// A Revoker takes leases away.
type Revoker interface {
	// Revoke takes the lease on a run from whoever has it, who notices within a second. Nobody gets it for as long as a lease lives.
	Revoke(ctx context.Context, id RunID) error
}

// Conclude does what follows from a verdict that is in S3 already: a published version becomes champion, the ledger and
// whoever follows the events are told, and the run that waited for this one goes to a worker.
func (n *Endings) Conclude(ctx context.Context, run *Run) error {
	r := run.Result
	if r.State == Published {
		if err := n.promote(ctx, run.ID, r.Why); err != nil {
			return err
		}
	}
	n.Log.InfoContext(ctx, "run ended", "run", run.ID.String(), "state", r.State, "version", r.Version, "samples", r.Samples, "loss", r.Loss, "err", r.Error)
	e := Event{Type: RunEnded, Model: run.ID.Model, Run: run.ID.Number, State: r.State, Version: r.Version, At: r.EndedAt, Error: r.Error}
	if err := n.Events.Announce(ctx, e); err != nil { // a hint lost: who missed it looks for himself
		n.Log.WarnContext(ctx, "announce", "run", run.ID.String(), "err", err)
	}
	s, err := n.Ledger.Settle(ctx, run.ID, run.outcome())
	if errors.Is(err, NotFoundError) { // the ledger was lost meanwhile; who rebuilds it reads the verdict
		return nil
	}
	if err != nil || s.Queued == 0 || s.Running != 0 {
		return err
	}
	return n.handOn(ctx, RunID{run.ID.Model, s.Queued}, s.Attempt, s.backsOff(s.Now(n.Now)))
}

func (n *Endings) promote(ctx context.Context, id RunID, why string) error {
	ctx, end := begin(ctx, n.Tracer, "promote", "model", id.Model, "version", id.Number)
	_, err := n.Registry.MoveChampion(ctx, id.Model, func(c Champion) (Champion, bool) {
		next, moves := c.Next(id.Number, n.Now(), why)
		next.Trace = mark(ctx, n.Tracer)
		return next, moves
	})
	end(err)
	if err != nil {
		return fmt.Errorf("promote %s: %w", id, err)
	}
	return nil
}

// handOn gives the run that waits to a worker. While the model backs off after a failure only one that a person asked for goes at
// once: a sweep hands the others on when the back-off is over.
func (n *Endings) handOn(ctx context.Context, id RunID, attempt int, backsOff bool) error {
	next, err := n.Runs.Run(ctx, id)
	if err != nil || next.Result != nil || backsOff && next.Reason != ByHand && next.Reason != ByImport {
		return err
	}
	m, err := n.Catalog.Model(ctx, id.Model)
	if err != nil {
		return err
	}
	return n.Queue.Enqueue(ctx, id, attempt, m.Lane(), next.Reason)
}

// Cancel ends a run that has no verdict yet, whoever is at it, and returns its verdict. A worker that has it stops after the slice
// that it is at; nothing that it may still write counts. The rows that no run has learnt are set aside: they are learnt with
// the next ones, but the model is not due because of them. A ConflictError says that the run has ended otherwise.
func (n *Endings) Cancel(ctx context.Context, id RunID, by string) (Result, error) {
	ctx = id.Within(ctx)
	run, err := n.Runs.Run(ctx, id)
	if err != nil {
		return Result{}, err
	}
	if run.Result == nil {
		verdict, err := n.cancelled(ctx, &run, by)
		if err != nil {
			return Result{}, err
		}
		if verdict, err = n.Runs.FinishRun(ctx, id, verdict); err != nil {
			return Result{}, err
		}
		run.Result = &verdict
		n.ended(&run)
	}
	if run.Result.State != Cancelled {
		return *run.Result, Errorf(ConflictError, "run %s has ended already: %s", id, run.Result.State)
	}
	// From here on it is cancelled, whoever dies: the rest makes it known.
	if err := n.Leases.Revoke(ctx, id); err != nil {
		n.Log.WarnContext(ctx, "cancelled; its worker notices later", "run", id.String(), "err", err)
	}
	return *run.Result, n.Conclude(ctx, &run)
}

// ended tells of a verdict that was reached here.
func (n *Endings) ended(run *Run) {
	if n.Ended != nil {
		n.Ended(run)
	}
}

func (n *Endings) cancelled(ctx context.Context, run *Run, by string) (Result, error) {
	r := Result{State: Cancelled, EndedAt: n.Now().UTC(), Why: "cancelled by hand"}
	if by != "" {
		r.Why = "cancelled by " + by
	}
	if run.Start != nil {
		r.DurationSeconds = r.EndedAt.Sub(run.Start.BeganAt).Seconds()
	}
	var err error
	r.SetAside, err = n.Ledger.Uncovered(ctx, run.ID.Model)
	if errors.Is(err, NotFoundError) || errors.Is(err, UnavailableError) { // then the model may be due sooner than it should be
		err = nil
	}
	return r, err
}
