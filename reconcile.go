package retrain

import (
	"context"
	"errors"
	"slices"
)

// Reconcile compares the count of every model with the records in S3 and counts what is missing. It looks at what every resource
// holds, so it is for every half minute, not for every second.
func (s *Sweeper) Reconcile(ctx context.Context) error {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	return s.reconcileAll(ctx, specs.Models)
}

// Look does what Reconcile and then Sweep do, for the models that learn from one resource.
func (s *Sweeper) Look(ctx context.Context, resource string) error {
	models, err := s.Catalog.Learners(ctx, resource)
	if err != nil {
		return err
	}
	return errors.Join(s.reconcileAll(ctx, models), s.sweepAll(ctx, models))
}

func (s *Sweeper) reconcileAll(ctx context.Context, models []*Model) error {
	p, err := s.pass(ctx, models)
	if err != nil {
		return err
	}
	return eachModel(ctx, models, "reconcile", func(ctx context.Context, m *Model) error { return s.reconcile(ctx, m, p) })
}

// reconcile sees to it that m's state is not behind S3, and counts the batches of m's resource that were stored, but not counted.
func (s *Sweeper) reconcile(ctx context.Context, m *Model, p *pass) error {
	state, err := s.Ledger.State(ctx, m.Name)
	if errors.Is(err, NotFoundError) {
		return nil // the next sweep rebuilds it
	} else if err != nil {
		return err
	}
	if behind, err := s.CatchUp(ctx, m, state.Latest); behind || err != nil {
		return err // what was rebuilt was also counted
	}
	return s.count(ctx, m, p)
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
	if err := s.rebuild(ctx, m); err != nil {
		return true, err
	}
	p, err := s.pass(ctx, []*Model{m})
	if err != nil {
		return true, err
	}
	return true, s.count(ctx, m, p)
}

// count counts what m's resource holds and was not counted.
func (s *Sweeper) count(ctx context.Context, m *Model, p *pass) error {
	data, err := p.of(ctx, m)
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
	came := slices.DeleteFunc(slices.Clone(missing), func(batch string) bool { return absorption(data.Resource, batch) > 0 })
	counted := 0
	if len(came) < len(missing) {
		if counted, err = s.foldMissing(ctx, m, data.Resource, missing); err != nil {
			return err
		}
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

// foldMissing folds the absorptions among some batches, and returns how many batches were counted with that. It leaves them while a run
// waits: its data may have been named before they were absorbed, and then it is about to take their batches one by one. That run
// learns what is not counted, too.
func (s *Sweeper) foldMissing(ctx context.Context, m *Model, resource string, missing []string) (counted int, err error) {
	state, err := s.Ledger.State(ctx, m.Name) // after the absorptions were seen: a run that is requested from now on sees them too
	if err != nil || state.Queued != 0 {
		return 0, err
	}
	for _, batch := range missing {
		if n := absorption(resource, batch); n > 0 {
			found, err := s.fold(ctx, m, resource, n)
			if err != nil {
				return counted, err
			}
			counted += found
		}
	}
	return counted, nil
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

func (s *Sweeper) snapshot(ctx context.Context, m *Model) (Dataset, error) {
	r, err := s.Catalog.Resource(ctx, m.Resource)
	if err != nil {
		return Dataset{}, err
	}
	return s.Source.Snapshot(ctx, r, nil)
}
