package s3io

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"retrain"
)

// Specs keeps what was applied: one object per resource and model.
type Specs struct {
	Bucket Bucket
}

var _ retrain.SpecStore = (*Specs)(nil)

const specName = "spec.json"

// A modelSpec is a model as it was declared. While it is disposed of it says so, until nothing else is left of it.
type modelSpec struct {
	retrain.Model
	Disposed *time.Time `json:"disposed,omitempty"`
}

// Specs returns all that was applied, sorted by name.
func (s *Specs) Specs(ctx context.Context) (retrain.Specs, error) {
	resources, err := specsUnder[retrain.Resource](ctx, s.Bucket, "resources/")
	if err != nil {
		return retrain.Specs{}, err
	}
	models, err := specsUnder[modelSpec](ctx, s.Bucket, "models/")
	if err != nil {
		return retrain.Specs{}, err
	}
	paused, err := s.Paused(ctx)
	if err != nil {
		return retrain.Specs{}, err
	}
	var specs retrain.Specs
	for _, m := range models {
		if m.Disposed != nil {
			specs.Disposed = append(specs.Disposed, m.Name)
			continue
		}
		if p, is := paused[m.Name]; is {
			m.Paused = &p
		}
		specs.Models = append(specs.Models, &m.Model)
	}
	for _, r := range resources {
		specs.Resources = append(specs.Resources, *r)
	}
	return specs, nil
}

// specsUnder reads the specs below a prefix. Folders without one belong to what was never applied.
func specsUnder[T any](ctx context.Context, b Bucket, prefix string) (specs []*T, err error) {
	var keys []string
	for name, err := range foldersUnder(ctx, b, prefix) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, prefix+name+"/"+specName)
	}
	found, err := all(ctx, len(keys), fetches, func(ctx context.Context, i int) (*T, error) { return optional[T](ctx, b, keys[i]) })
	for _, spec := range found {
		if spec != nil {
			specs = append(specs, spec)
		}
	}
	return specs, err
}

// Apply stores specs. It returns those that it changed and those that were so already, as "resources/products" and
// "models/price". What is stored and not in specs stays. Resources come first, since models learn from them.
func (s *Specs) Apply(ctx context.Context, specs retrain.Specs) (applied, unchanged []string, err error) {
	apply := func(kind, name string, spec any) error {
		changed, err := s.apply(ctx, kind+"/"+segment(name)+"/"+specName, spec)
		if changed {
			applied = append(applied, kind+"/"+name)
		} else if err == nil {
			unchanged = append(unchanged, kind+"/"+name)
		}
		return err
	}
	applied, unchanged = []string{}, []string{}
	for _, r := range specs.Resources {
		if err := apply("resources", r.Name, r); err != nil {
			return applied, unchanged, err
		}
	}
	for _, m := range specs.Models {
		if err := apply("models", m.Name, m); err != nil {
			return applied, unchanged, err
		}
	}
	return applied, unchanged, nil
}

func (s *Specs) apply(ctx context.Context, key string, spec any) (changed bool, err error) {
	body, err := marshal(spec)
	if err != nil {
		return false, err
	}
	was, _, err := s.Bucket.Get(ctx, key)
	if err == nil && disposed(was) {
		return false, retrain.Errorf(retrain.ConflictError, "%s is being disposed of", strings.TrimSuffix(key, "/"+specName)).
			WithHint("try again when that is done, within a minute")
	}
	if err == nil && bytes.Equal(was, body) {
		return false, nil
	} else if err != nil && !errors.Is(err, retrain.NotFoundError) {
		return false, err
	}
	_, err = s.Bucket.Put(ctx, key, body, Always) // of two who apply at once, the later wins
	return err == nil, err
}

func disposed(spec []byte) bool {
	var m modelSpec
	return json.Unmarshal(spec, &m) == nil && m.Disposed != nil
}
