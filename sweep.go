package retrain

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// A SweepLedger is what a Sweeper needs of the ledger.
type SweepLedger interface {
	Counter
	Requested
	// CountAll counts batches by their rows, as Count does each. It returns a NotFoundError for a model whose state has to be
	// rebuilt first.
	CountAll(ctx context.Context, model string, rows map[string]int) error
	// State returns what is known of a model, or a NotFoundError where its state has to be rebuilt.
	State(ctx context.Context, model string) (State, error)
	// Reset stores a rebuilt state: the batches that are learnt, those that the running run took, with their rows, and those that are
	// among them by the id of their absorption only, and are not counted again. It does nothing where a state exists.
	Reset(ctx context.Context, model string, s State, learnt []string, taken map[string]int, folded []string) error
	// Uncounted returns those of the batches that were never counted for the model, in their order.
	Uncounted(ctx context.Context, model string, batches []string) ([]string, error)
	// Fold puts the batches of an absorption together under its id, and returns those that have to be counted before; nothing is
	// done then. While the run at work has taken some of them, and not all, it does nothing and returns none.
	Fold(ctx context.Context, model, absorption string, batches []string) (uncounted []string, err error)
	// Retain takes out of the count what was counted of batches that no longer exist: all but these.
	Retain(ctx context.Context, model string, batches []string) error
	// Forget drops the state of a model, if the highest run number that it knows is still that one. It has to be rebuilt then.
	Forget(ctx context.Context, model string, latest int) error
	// HandOn raises the attempt of the model's open run from what it was, or returns a ConflictError when somebody else did.
	HandOn(ctx context.Context, id RunID, attempt int) (State, error)
}

// A RunHistory reads a model's runs.
type RunHistory interface {
	// Run returns a run as far as it has come, or a NotFoundError.
	Run(ctx context.Context, id RunID) (Run, error)
	// Runs yields a model's runs, newest first.
	Runs(ctx context.Context, model string) iter.Seq2[Run, error]
}

// A RunWatch knows whether anybody cares for a run.
type RunWatch interface {
	// Held reports whether a worker has the lease on a run.
	Held(ctx context.Context, id RunID) (bool, error)
	// Waiting reports whether an attempt's task still waits for a worker.
	Waiting(ctx context.Context, id RunID, attempt int) (bool, error)
}

// A Witness is told what sweeps find.
type Witness interface {
	// State is called with each model as each sweep finds it.
	State(m *Model, s State)
	// Uncounted is called with how many batches of a model's were stored and not counted, whenever that was looked at.
	Uncounted(model string, batches int)
	// HandedOn is called with each run that nobody was at.
	HandedOn(id RunID)
}

// A Sweeper finds what got lost between two steps of the flow, because a process died or Redis was away. Several may run at
// once: each thing that they do is done once.
type Sweeper struct {
	Catalog *Catalog
	Source  Source
	Ledger  SweepLedger
	History RunHistory
	Watch   RunWatch
	Queue   Queue
	Accepts func(m *Model, records []Record) (int, error)
	Request func(ctx context.Context, m *Model, s State, why Reason) error
	Now     func() time.Time
	Log     *slog.Logger

	Witness Witness // is told what is found; nil: nobody is

	Champion func(ctx context.Context, model string) (Champion, error) // a model's pointer; a ModelNotTrainedError for none
	Drift    func(ctx context.Context, model string) (float64, error)  // how far a model's questions have drifted, 0 where nobody says it; nil: nobody ever does
}

// How long a run that was handed on may stay without a worker's lease before it is handed on again.
const handGrace = 3 * time.Second

// Sweep looks at every model once: a lost state is rebuilt, an abandoned run is handed on, a due training is requested. It
// is cheap: one question to Redis per model where nothing is to be done.
func (s *Sweeper) Sweep(ctx context.Context) error {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	return s.sweepAll(ctx, specs.Models)
}

// SweepOnly does what Sweep does, for some models. Those that are not declared are left out.
func (s *Sweeper) SweepOnly(ctx context.Context, names ...string) error {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	return s.sweepAll(ctx, slices.DeleteFunc(slices.Clone(specs.Models), func(m *Model) bool { return !wanted[m.Name] }))
}

// sweepAll sweeps models. Of those whose state was lost the records are looked at together, after their states are there: what is
// inserted from then on is counted by those who insert it.
func (s *Sweeper) sweepAll(ctx context.Context, models []*Model) error {
	var mu sync.Mutex // guards rebuilt
	var rebuilt []*Model
	err := eachModel(ctx, models, "sweep", func(ctx context.Context, m *Model) error {
		state, err := s.Ledger.State(ctx, m.Name)
		if err == nil {
			return s.sweep(ctx, m, state)
		}
		if !errors.Is(err, NotFoundError) {
			return err
		}
		if err := s.rebuild(ctx, m); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		rebuilt = append(rebuilt, m)
		return nil
	})
	if len(rebuilt) == 0 {
		return err
	}
	p, failed := s.pass(ctx, rebuilt)
	if failed != nil {
		return errors.Join(err, failed)
	}
	return errors.Join(err, eachModel(ctx, rebuilt, "sweep", func(ctx context.Context, m *Model) error {
		if err := s.count(ctx, m, p); err != nil {
			return err
		}
		state, err := s.Ledger.State(ctx, m.Name)
		if err != nil {
			return err
		}
		return s.sweep(ctx, m, state)
	}))
}

// sweep does what is to be done for a model in this state.
func (s *Sweeper) sweep(ctx context.Context, m *Model, state State) (err error) {
	if s.Witness != nil {
		s.Witness.State(m, state)
	}
	if err := s.revive(ctx, m, state); err != nil {
		return err
	}
	if m.RetrainOnDrift > 0 && s.Drift != nil {
		if state.Drifted, err = s.Drift(ctx, m.Name); err != nil {
			return err
		}
	}
	if why, due := m.Due(state, s.Now); due {
		return s.Request(ctx, m, state, why)
	}
	return nil
}

// revive hands a model's open run to another worker when nobody cares for it any more.
func (s *Sweeper) revive(ctx context.Context, m *Model, state State) error {
	id := RunID{m.Name, state.Running}
	if id.Number == 0 {
		id.Number = state.Queued
	}
	now := state.Now(s.Now)
	if state.Running == 0 && state.backsOff(now) { // the run before it failed: this one waits
		return nil
	}
	if waited := now.Sub(state.Handed); id.Number == 0 || waited >= 0 && waited < handGrace { // below 0: the clock was set back
		return nil
	}
	for _, cared := range []func() (bool, error){
		func() (bool, error) { return s.Watch.Held(ctx, id) },
		func() (bool, error) { return s.Watch.Waiting(ctx, id, state.Attempt) },
	} {
		if yes, err := cared(); yes || err != nil {
			return err
		}
	}
	state, err := s.Ledger.HandOn(ctx, id, state.Attempt)
	if errors.Is(err, ConflictError) {
		return nil
	} else if err != nil {
		return err
	}
	if s.Witness != nil {
		s.Witness.HandedOn(id)
	}
	ctx = id.Within(ctx)
	s.Log.WarnContext(ctx, "nobody was at it: handed on", "run", id.String(), "attempt", state.Attempt)
	return s.Queue.Enqueue(ctx, id, state.Attempt, m.Lane(), "abandoned")
}
