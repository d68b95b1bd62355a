package retrain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Snapshots answers what a resource holds.
type Snapshots func(ctx context.Context, r Resource) (Dataset, error)

// A Surveyor is a Source that can look at all resources at once, which asks for much less where there are many.
type Surveyor interface {
	// Survey returns what answers for all resources of the source as Snapshot does: with what they hold at this moment or later.
	Survey(ctx context.Context) (Snapshots, error)
}

// From so many resources on they are looked at together.
const together = 8

// A pass is one look at the records of many models: what a resource holds is asked for once, however many learn from it.
type pass struct {
	Snapshots
	resources map[string]Resource

	mu    sync.Mutex // guards the following
	found map[string]*found
}

// What a resource holds, once it is known.
type found struct {
	known chan struct{} // closed then
	data  Dataset
	err   error
}

// pass returns a look at what the models learn from, as it is now or later.
func (s *Sweeper) pass(ctx context.Context, models []*Model) (*pass, error) {
	specs, err := s.Catalog.Specs(ctx)
	if err != nil {
		return nil, err
	}
	p := &pass{resources: make(map[string]Resource), found: make(map[string]*found)}
	for _, r := range specs.Resources {
		p.resources[r.Name] = r
	}
	p.Snapshots = func(ctx context.Context, r Resource) (Dataset, error) { return s.Source.Snapshot(ctx, r, nil) }
	of := make(map[string]bool)
	for _, m := range models {
		of[m.Resource] = true
	}
	if all, ok := s.Source.(Surveyor); ok && len(of) >= together {
		p.Snapshots, err = all.Survey(ctx)
	}
	return p, err
}

// of returns what m's resource holds. Callers must not change it.
func (p *pass) of(ctx context.Context, m *Model) (Dataset, error) {
	r, ok := p.resources[m.Resource]
	if !ok {
		return Dataset{}, Errorf(NotFoundError, "no resource %q", m.Resource).WithHint("model %s learns from it: producer apply -f FILE", m.Name)
	}
	p.mu.Lock()
	is, others := p.found[r.Name]
	if !others {
		is = &found{known: make(chan struct{})}
		p.found[r.Name] = is
	}
	p.mu.Unlock()
	if !others {
		is.data, is.err = p.Snapshots(ctx, r)
		close(is.known)
	}
	<-is.known // which is asked for with the same context
	return is.data, is.err
}

// How many models are looked at together: enough to keep Redis and S3 busy, and few enough to leave room for others.
const looksAtOnce = 16

// Of so many models it is said what went wrong: when a server is away it is the same for all.
const mostErrors = 10

// eachModel calls do for each of the models, some at once, and returns what went wrong with any of them.
func eachModel(ctx context.Context, models []*Model, doing string, do func(context.Context, *Model) error) error {
	errs := make([]error, len(models))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(looksAtOnce, len(models)) {
		all.Go(func() {
			for i := range next {
				if err := do(ctx, models[i]); err != nil {
					errs[i] = fmt.Errorf("%s %s: %w", doing, models[i].Name, err)
				}
			}
		})
	}
	for i := range models {
		if ctx.Err() != nil { // the others, perhaps thousands, would all say so
			break
		}
		next <- i
	}
	close(next)
	all.Wait()
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if more := len(errs) - mostErrors; more > 0 {
		errs = append(errs[:mostErrors], fmt.Errorf("and so for %d others", more))
	}
	return errors.Join(errs...)
}
