package retrain

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Specs are everything that was applied: what exists and what is to be learnt from it.
type Specs struct {
	Resources []Resource // sorted by name
	Models    []*Model   // sorted by name
	Disposed  []string   // models that are being removed
}

// A SpecStore keeps what was applied.
type SpecStore interface {
	// Specs returns all that is declared. Callers must not change it.
	Specs(ctx context.Context) (Specs, error)
}

// A Catalog answers what is declared. It reads the store again when its answer is older than MaxAge, so a changed spec takes
// effect everywhere without a restart. It may be used by many goroutines.
type Catalog struct {
	Store  SpecStore
	MaxAge time.Duration // 0: read at every question
	Now    func() time.Time

	mu    sync.Mutex // guards the following two fields
	specs Specs
	read  time.Time
}

// Specs returns all that is declared. Callers must not change it.
func (c *Catalog) Specs(ctx context.Context) (Specs, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if !c.read.IsZero() && now.Sub(c.read) < c.MaxAge {
		return c.specs, nil
	}
	specs, err := c.Store.Specs(ctx)
	if err != nil {
		return Specs{}, err
	}
	c.specs, c.read = specs, now
	return specs, nil
}

// Forget makes the next question read the store.
func (c *Catalog) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = time.Time{}
}

// Model returns a declared model, or a ModelNotFoundError that names those there are.
func (c *Catalog) Model(ctx context.Context, name string) (*Model, error) {
	specs, err := c.Specs(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range specs.Models {
		if m.Name == name {
			return m, nil
		}
	}
	names := make([]string, len(specs.Models))
	for i, m := range specs.Models {
		names[i] = m.Name
	}
	return nil, Errorf(ModelNotFoundError, "no model %q", name).WithHint("%s", known("models", names))
}

// Names returns the declared models' names, sorted.
func (c *Catalog) Names(ctx context.Context) ([]string, error) {
	specs, err := c.Specs(ctx)
	names := make([]string, len(specs.Models))
	for i, m := range specs.Models {
		names[i] = m.Name
	}
	return names, err
}

// Resource returns a declared resource, or a NotFoundError that names those there are.
func (c *Catalog) Resource(ctx context.Context, name string) (Resource, error) {
	specs, err := c.Specs(ctx)
	if err != nil {
		return Resource{}, err
	}
	var names []string
	for _, r := range specs.Resources {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Resource{}, Errorf(NotFoundError, "no resource %q", name).WithHint("%s", known("resources", names))
}

// Learners returns the models that learn from a declared resource.
func (c *Catalog) Learners(ctx context.Context, resource string) ([]*Model, error) {
	if _, err := c.Resource(ctx, resource); err != nil {
		return nil, err
	}
	specs, err := c.Specs(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(specs.Models), func(m *Model) bool { return m.Resource != resource }), nil
}

func known(what string, names []string) string {
	if len(names) == 0 {
		return "nothing is declared yet: producer apply -f retrain.yaml"
	}
	return "declared " + what + ": " + strings.Join(names, ", ")
}
