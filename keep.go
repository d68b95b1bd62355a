package retrain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Pins are what is said of single versions of a model.
type Pins struct {
	Pinned  []int `json:"pinned,omitempty"`  // never removed
	Retired []int `json:"retired,omitempty"` // about to be removed: they cannot become champion any more
}

// An Attic knows all versions that take up space, and removes them.
type Attic interface {
	// Numbers returns the numbers of a model's versions, highest first, those that were not published to their end included.
	Numbers(ctx context.Context, model string) ([]int, error)
	// Manifest returns a version's manifest, or a NotFoundError.
	Manifest(ctx context.Context, model string, version int) (Manifest, error)
	// Champion returns a model's pointer, or a ModelNotTrainedError.
	Champion(ctx context.Context, model string) (Champion, error)
	// Pins returns what is said of single versions.
	Pins(ctx context.Context, model string) (Pins, error)
	// ChangePins replaces the pins by what change returns, unless it says false; change is called again when somebody else was
	// first.
	ChangePins(ctx context.Context, model string, change func(Pins) (Pins, bool)) (Pins, error)
	// Remove removes a version completely: its manifest first, so that nobody sees a half of it. Again, it goes on with that.
	Remove(ctx context.Context, model string, version int) error
}

// A Keeper removes versions that nobody needs any more. It never touches the champion, the one before it, one that is pinned
// or labelled, one that an open run continues from or must beat, nor the latest ones, as many as the model keeps. Several may
// be at it, and any of them may die: what is half removed is removed by the next.
type Keeper struct {
	Catalog *Catalog
	Attic   Attic
	Runs    RunStore
	State   func(ctx context.Context, model string) (State, error)
	Log     *slog.Logger

	mu    sync.Mutex                  // guards the following
	whole map[string]map[int]struct{} // versions that are known to have a manifest
	seen  map[string]string           // what each model was like when it was last looked at
	last  string                      // whose turn it was last
}

// How many models are looked at each time of which nothing is known to have changed, in turn.
const keepAgain = 200

// Keep looks at the models that had a run since the last time, or keep another number of versions, and at some of the others, in
// turn: what may go because of anything else, as a pin that was taken away, goes then. So what it asks of S3 does not grow with the
// number of models.
func (k *Keeper) Keep(ctx context.Context) error {
	specs, err := k.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	due := k.turn(specs.Models)
	return eachModel(ctx, specs.Models, "keep", func(ctx context.Context, m *Model) error {
		s, err := k.State(ctx, m.Name)
		if errors.Is(err, NotFoundError) {
			return nil // the next sweep rebuilds it
		} else if err != nil {
			return err
		}
		is := fmt.Sprint(s.Latest, s.Running, s.Queued, m.Keep, m.Labels)
		if was, known := k.was(m.Name); !due[m.Name] && (!known || was == is) {
			return nil
		}
		if err := k.keep(ctx, m); err != nil {
			return err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.seen == nil {
			k.seen = make(map[string]string)
		}
		k.seen[m.Name] = is
		return nil
	})
}

// turn returns whose turn it is.
func (k *Keeper) turn(models []*Model) map[string]bool {
	due := make(map[string]bool)
	k.mu.Lock()
	defer k.mu.Unlock()
	from, _ := slices.BinarySearchFunc(models, k.last+"\x00", func(m *Model, name string) int { return strings.Compare(m.Name, name) })
	for i := range min(keepAgain, len(models)) {
		k.last = models[(from+i)%len(models)].Name
		due[k.last] = true
	}
	return due
}

// was returns what a model was like when it was last looked at.
func (k *Keeper) was(model string) (is string, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	is, known = k.seen[model]
	return is, known
}

func (k *Keeper) keep(ctx context.Context, m *Model) error {
	numbers, err := k.Attic.Numbers(ctx, m.Name)
	if err != nil || len(numbers) == 0 {
		return err
	}
	pins, err := k.Attic.Pins(ctx, m.Name)
	if err != nil {
		return err
	}
	needed, err := k.needed(ctx, m)
	if err != nil {
		return err
	}
	old, err := k.old(ctx, m, numbers, needed, pins)
	if err != nil {
		return err
	}
	retired, err := k.retire(ctx, m, old)
	if err != nil {
		return err
	}
	for _, n := range retired {
		if err := k.Attic.Remove(ctx, m.Name, n); err != nil {
			return err
		}
		k.Log.InfoContext(ctx, "removed", "model", m.Name, "version", n)
	}
	return nil
}

// needed returns the versions that must stay, whatever their age.
func (k *Keeper) needed(ctx context.Context, m *Model) (map[int]bool, error) {
	needed := make(map[int]bool)
	for _, n := range m.Labels {
		needed[n] = true
	}
	c, err := k.Attic.Champion(ctx, m.Name)
	if err != nil && !errors.Is(err, ModelNotTrainedError) {
		return nil, err
	}
	needed[c.Version], needed[c.Previous] = true, true
	s, err := k.State(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	for _, n := range []int{s.Running, s.Queued} {
		if n == 0 {
			continue
		}
		needed[n] = true // it may be publishing
		run, err := k.Runs.Run(ctx, RunID{m.Name, n})
		if err != nil {
			return nil, err
		}
		if run.Start != nil {
			needed[run.Start.Champion] = true
		}
	}
	return needed, nil
}

// old returns the versions that may go: those beyond the latest, and what a run has left that published nothing.
func (k *Keeper) old(ctx context.Context, m *Model, numbers []int, needed map[int]bool, pins Pins) (old []int, err error) {
	left := m.WithDefaults().Keep
	for _, n := range numbers {
		if needed[n] || slices.Contains(pins.Pinned, n) {
			continue
		}
		if slices.Contains(pins.Retired, n) {
			old = append(old, n)
			continue
		}
		leftover, err := k.leftover(ctx, RunID{m.Name, n})
		if err != nil {
			return nil, err
		}
		if leftover || left <= 0 {
			old = append(old, n)
			continue
		}
		left--
	}
	return old, nil
}

// leftover reports whether a version is none: its run has ended, and not by publishing it.
func (k *Keeper) leftover(ctx context.Context, id RunID) (bool, error) {
	k.mu.Lock()
	_, known := k.whole[id.Model][id.Number]
	k.mu.Unlock()
	if known {
		return false, nil
	}
	run, err := k.Runs.Run(ctx, id)
	switch {
	case errors.Is(err, NotFoundError):
		return false, nil // nobody knows what it is: a person may
	case err != nil || run.Result == nil:
		return false, err
	case run.Result.State != Published && run.Result.State != Rejected:
		return true, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.whole == nil {
		k.whole = make(map[string]map[int]struct{})
	}
	if k.whole[id.Model] == nil {
		k.whole[id.Model] = make(map[int]struct{})
	}
	k.whole[id.Model][id.Number] = struct{}{}
	return false, nil
}

// retire says that versions are about to be removed, and returns those that may be. Whoever makes one of them champion at this
// moment either sees that, or is seen here.
func (k *Keeper) retire(ctx context.Context, m *Model, old []int) ([]int, error) {
	if len(old) == 0 {
		return nil, nil
	}
	pins, err := k.Attic.ChangePins(ctx, m.Name, func(p Pins) (Pins, bool) {
		before := len(p.Retired)
		for _, n := range old {
			if !slices.Contains(p.Pinned, n) && !slices.Contains(p.Retired, n) {
				p.Retired = append(p.Retired, n)
			}
		}
		return p, len(p.Retired) != before
	})
	if err != nil {
		return nil, err
	}
	needed, err := k.needed(ctx, m)
	if err != nil {
		return nil, err
	}
	if saved := slices.DeleteFunc(slices.Clone(pins.Retired), func(n int) bool { return !needed[n] }); len(saved) > 0 {
		pins, err = k.Attic.ChangePins(ctx, m.Name, func(p Pins) (Pins, bool) {
			before := len(p.Retired)
			p.Retired = slices.DeleteFunc(p.Retired, func(n int) bool { return needed[n] })
			return p, len(p.Retired) != before
		})
	}
	k.forget(m.Name, pins.Retired)
	return pins.Retired, err
}

func (k *Keeper) forget(model string, versions []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.whole[model], func(n int, _ struct{}) bool { return slices.Contains(versions, n) })
}
