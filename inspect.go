package retrain

import (
	"context"
	"errors"
	"fmt"
)

// An Inspection is what is found of one model when Redis is compared with S3. Each problem is one that the next sweeps mend.
type Inspection struct {
	Model    string
	Problems []string
	State    State
}

// Inspect compares every model's state with S3, and changes nothing.
func (s *Sweeper) Inspect(ctx context.Context) ([]Inspection, error) {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return nil, err
	}
	var all []Inspection
	for _, m := range specs.Models {
		one, err := s.inspect(ctx, m)
		if err != nil {
			return all, fmt.Errorf("inspect %s: %w", m.Name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (s *Sweeper) inspect(ctx context.Context, m *Model) (one Inspection, err error) {
	one.Model = m.Name
	if one.State, err = s.Ledger.State(ctx, m.Name); errors.Is(err, NotFoundError) {
		one.Problems = append(one.Problems, "its state is lost: the next sweep rebuilds it from S3")
		return one, nil
	} else if err != nil {
		return one, err
	}
	next, err := s.History.Run(ctx, RunID{m.Name, one.State.Latest + 1})
	if err == nil {
		what := "Redis is of an older time than S3, which has run " + next.ID.String()
		if next.State() == Queued {
			what = "run " + next.ID.String() + " was requested, and nobody knows"
		}
		one.Problems = append(one.Problems, what)
	} else if !errors.Is(err, NotFoundError) {
		return one, err
	}
	if one.State.Running != 0 {
		if held, err := s.Watch.Held(ctx, RunID{m.Name, one.State.Running}); err != nil {
			return one, err
		} else if !held {
			one.Problems = append(one.Problems, fmt.Sprintf("no worker is at run %s-%d", m.Name, one.State.Running))
		}
	}
	data, err := s.snapshot(ctx, m)
	if err != nil {
		return one, err
	}
	missing, err := s.Ledger.Uncounted(ctx, m.Name, data.Batches())
	if len(missing) > 0 {
		one.Problems = append(one.Problems, fmt.Sprintf("%d batches are stored and not counted yet", len(missing)))
	}
	return one, err
}
