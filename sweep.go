package retrain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
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
	// Reset stores a rebuilt state: the batches that are learnt, and those that the running run took, with their rows. It does
	// nothing where a state exists.
	Reset(ctx context.Context, model string, s State, learnt []string, taken map[string]int) error
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
func (s *Sweeper) Sweep(ctx context.Context) error { return s.each(ctx, s.sweep) }

// Reconcile compares the count of every model with the records in S3 and counts what is missing. It lists what every resource
// holds, so it is for every half minute, not for every second.
func (s *Sweeper) Reconcile(ctx context.Context) error { return s.each(ctx, s.reconcile) }

// Look does what Reconcile and then Sweep do, for the models that learn from one resource.
func (s *Sweeper) Look(ctx context.Context, resource string) error {
	models, err := s.Catalog.Learners(ctx, resource)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range models {
		if err := s.reconcile(ctx, m); err != nil {
			errs = append(errs, fmt.Errorf("look for %s: %w", m.Name, err))
		} else if err := s.sweep(ctx, m); err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", m.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Sweeper) each(ctx context.Context, do func(context.Context, *Model) error) error {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range specs.Models {
		if err := do(ctx, m); err != nil {
			errs = append(errs, fmt.Errorf("sweep %s: %w", m.Name, err))
		}
		if ctx.Err() != nil { // the others, perhaps thousands, would all say so
			break
		}
	}
	return errors.Join(errs...)
}

func (s *Sweeper) sweep(ctx context.Context, m *Model) error {
	state, err := s.Ledger.State(ctx, m.Name)
	if errors.Is(err, NotFoundError) {
		if err = s.rebuild(ctx, m); err == nil {
			state, err = s.Ledger.State(ctx, m.Name)
		}
	}
	if err != nil {
		return err
	}
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

// reconcile sees to it that m's state is not behind S3, and counts the batches of m's resource that were stored, but not counted.
func (s *Sweeper) reconcile(ctx context.Context, m *Model) error {
	state, err := s.Ledger.State(ctx, m.Name)
	if errors.Is(err, NotFoundError) {
		return nil // the next sweep rebuilds it
	} else if err != nil {
		return err
	}
	if behind, err := s.CatchUp(ctx, m, state.Latest); behind || err != nil {
		return err // what was rebuilt was also counted
	}
	return s.count(ctx, m)
}

// CatchUp compares m's state, whose highest run is latest, with S3: where S3 knows a later run that has begun, or that waits while
// another one seems to, the state is of an older time, as after Redis was restored from a copy, and would have rows learnt
// again. It is rebuilt then, and CatchUp reports true.
func (s *Sweeper) CatchUp(ctx context.Context, m *Model, latest int) (behind bool, err error) {
	next, err := s.History.Run(ctx, RunID{m.Name, latest + 1})
	if errors.Is(err, NotFoundError) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if next.State() == Queued { // whoever requested it has not said so yet, or has died before
		state, err := s.Ledger.Requested(ctx, next.ID)
		if err != nil || state.Latest > latest {
			return false, err
		}
	}
	s.Log.WarnContext(ctx, "Redis is of an older time than S3", "model", m.Name, "latest", latest, "run", next.ID.String())
	if err := s.Ledger.Forget(ctx, m.Name, latest); err != nil {
		return true, err
	}
	return true, s.rebuild(ctx, m)
}

func (s *Sweeper) count(ctx context.Context, m *Model) error {
	data, err := s.snapshot(ctx, m)
	if err != nil {
		return err
	}
	if data.From != nil { // what others write they also replace and take away
		if err := s.Ledger.Retain(ctx, m.Name, data.Batches()); err != nil {
			return err
		}
	}
	missing, err := s.Ledger.Uncounted(ctx, m.Name, data.Batches())
	if errors.Is(err, NotFoundError) {
		return nil // the next sweep rebuilds it
	} else if err != nil {
		return err
	}
	if s.Witness != nil {
		s.Witness.Uncounted(m.Name, len(missing))
	}
	counted := 0
	var came []string
	for _, batch := range missing {
		n := absorption(data.Resource, batch)
		if n == 0 {
			came = append(came, batch)
			continue
		}
		found, err := s.fold(ctx, m, data.Resource, n)
		if err != nil {
			return err
		}
		counted += found
	}
	if err := s.countBatches(ctx, m, &data, came); err != nil {
		return err
	}
	counted += len(came)
	if counted > 0 {
		s.Log.InfoContext(ctx, "counted what was stored and not counted", "model", m.Name, "batches", counted)
	}
	return nil
}

// How many batches are counted at once: what was read for them is read again where somebody dies before.
const countedAtOnce = 1000

// countBatches counts batches that are in no absorption.
func (s *Sweeper) countBatches(ctx context.Context, m *Model, d *Dataset, batches []string) error {
	for some := range slices.Chunk(batches, countedAtOnce) {
		rows, err := s.rowsEach(ctx, m, d, some)
		if err != nil {
			return err
		}
		if err := s.Ledger.CountAll(ctx, m.Name, rows); err != nil {
			return err
		}
	}
	return nil
}

// rowsEach returns how many records of each batch m accepts.
func (s *Sweeper) rowsEach(ctx context.Context, m *Model, d *Dataset, batches []string) (map[string]int, error) {
	rows := make(map[string]int, len(batches))
	archive, ok := s.Source.(Archive)
	if d.From != nil || !ok {
		for _, batch := range batches {
			var err error
			if rows[batch], err = s.rows(ctx, m, *d, batch); err != nil {
				return nil, err
			}
		}
		return rows, nil
	}
	for _, batch := range batches { // of some nothing comes
		rows[batch] = 0
	}
	for b, err := range archive.Came(ctx, d.only(rows)) {
		if err != nil {
			return nil, err
		}
		n, err := s.Accepts(m, slices.Collect(b.Table.Records()))
		if err != nil {
			return nil, err
		}
		rows[b.Batch] += n
	}
	return rows, nil
}

// only returns what of d's objects has some batches, which stand in the log.
func (d *Dataset) only(batches map[string]int) Dataset {
	some := Dataset{Resource: d.Resource}
	for _, o := range d.Objects {
		var asked []string
		for _, b := range append([]string{o.Batch}, o.Batches...) {
			if _, is := batches[b]; is && b != "" {
				asked = append(asked, b)
			}
		}
		if len(asked) > 0 {
			o.Batch, o.Batches = "", asked
			some.Objects = append(some.Objects, o)
		}
	}
	return some
}

// Fold sees to it that the absorptions of a data set are counted as such, so that a run can take them.
func (s *Sweeper) Fold(ctx context.Context, m *Model, d Dataset) error {
	absorptions := Dataset{Resource: d.Resource, Absorbed: d.Absorbed}
	missing, err := s.Ledger.Uncounted(ctx, m.Name, absorptions.Batches())
	for _, batch := range missing {
		if _, err := s.fold(ctx, m, d.Resource, absorption(d.Resource, batch)); err != nil {
			return err
		}
	}
	return err
}

// fold has the batches of an absorption counted together, and before that those that were not counted at all. It returns how many
// these were.
func (s *Sweeper) fold(ctx context.Context, m *Model, resource string, n int) (int, error) {
	archive, ok := s.Source.(Archive)
	if !ok {
		return 0, Errorf(MLError, "resource %s: its source knows no absorptions", resource)
	}
	batches, err := archive.Absorbed(ctx, resource, n)
	if err != nil {
		return 0, err
	}
	missing, err := s.Ledger.Fold(ctx, m.Name, Absorption(resource, n), batches)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	rows, err := s.brought(ctx, m, resource, n)
	if err != nil {
		return 0, err
	}
	uncounted := make(map[string]int, len(missing))
	for _, batch := range missing {
		uncounted[batch] = rows[batch]
	}
	if err := s.Ledger.CountAll(ctx, m.Name, uncounted); err != nil {
		return 0, err
	}
	_, err = s.Ledger.Fold(ctx, m.Name, Absorption(resource, n), batches)
	return len(missing), err
}

// brought returns how many of the records that m accepts each batch of an absorption brought.
func (s *Sweeper) brought(ctx context.Context, m *Model, resource string, n int) (map[string]int, error) {
	archive, ok := s.Source.(Archive)
	if !ok {
		return nil, Errorf(MLError, "resource %s: its source knows no absorptions", resource)
	}
	rows := make(map[string]int)
	for b, err := range archive.Brought(ctx, resource, n) {
		if err != nil {
			return nil, err
		}
		accepted, err := s.Accepts(m, slices.Collect(b.Table.Records()))
		if err != nil {
			return nil, err
		}
		rows[b.Batch] += accepted
	}
	return rows, nil
}

func (s *Sweeper) snapshot(ctx context.Context, m *Model) (Dataset, error) {
	r, err := s.Catalog.Resource(ctx, m.Resource)
	if err != nil {
		return Dataset{}, err
	}
	return s.Source.Snapshot(ctx, r, nil)
}

// rows reads one batch and returns how many of its records m accepts.
func (s *Sweeper) rows(ctx context.Context, m *Model, d Dataset, batch string) (int, error) {
	one := Dataset{Resource: d.Resource, From: d.From}
	for _, o := range d.Objects {
		if slices.Contains(o.Batches, batch) {
			o.Batch, o.Batches = "", []string{batch}
		} else if o.Batches != nil || o.Batch != batch && (o.Batch != "" || d.From == nil) {
			continue // another batch, or a segment of our own
		}
		one.Objects = append(one.Objects, o)
	}
	rows := 0
	for table, err := range s.Source.Tables(ctx, one) {
		if err != nil {
			return 0, err
		}
		n, err := s.Accepts(m, slices.Collect(table.Records()))
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, nil
}
