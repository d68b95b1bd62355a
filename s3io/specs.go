package s3io

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"retrain"
)

// Specs keeps what was applied: one object per resource and model, and one with all of them, which is what readers look at.
// Any number of goroutines may use it.
type Specs struct {
	Bucket Bucket

	together kept[specIndex]
	pauses   kept[pauses]

	mu       sync.Mutex          // guards the following
	last     *readSpecs          // what was returned last
	gathered map[string]struct{} // the folders whose specs Gather has looked at
	cursor   string              // the last of those that it looked at again
}

var _ retrain.SpecStore = (*Specs)(nil)

const specName = "spec.json"

// A modelSpec is a model as it was declared. While it is disposed of it says so, until nothing else is left of it.
type modelSpec struct {
	retrain.Model
	Disposed *time.Time `json:"disposed,omitempty"`
}

// readSpecs is what was made of two objects, as long as both are what they were.
type readSpecs struct {
	index, paused ETag
	specs         retrain.Specs
}

// Specs returns all that was applied, sorted by name. Callers must not change it: as long as nothing has changed it is the same.
func (s *Specs) Specs(ctx context.Context) (retrain.Specs, error) {
	index, e, err := s.index(ctx)
	if err != nil {
		return retrain.Specs{}, err
	}
	paused, pausedE, err := s.pauses.get(ctx, s.Bucket, pausesKey)
	if err != nil {
		return retrain.Specs{}, err
	}
	s.mu.Lock()
	last := s.last
	s.mu.Unlock()
	if last != nil && e != "" && last.index == e && last.paused == pausedE {
		return last.specs, nil
	}
	if paused == nil {
		paused = &pauses{}
	}
	specs, err := parseSpecs(index.Specs, paused.Models)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = &readSpecs{e, pausedE, specs}
	}
	return specs, err
}

// parseSpecs reads specs by their folders.
func parseSpecs(raw map[string]json.RawMessage, paused map[string]retrain.Pause) (specs retrain.Specs, err error) {
	for _, folder := range slices.Sorted(maps.Keys(raw)) {
		if !strings.HasPrefix(folder, modelsFolder) {
			r, err := parse[retrain.Resource](folder+specName, raw[folder])
			if err != nil {
				return retrain.Specs{}, err
			}
			specs.Resources = append(specs.Resources, *r)
			continue
		}
		m, err := parse[modelSpec](folder+specName, raw[folder])
		if err != nil {
			return retrain.Specs{}, err
		}
		if m.Disposed != nil {
			specs.Disposed = append(specs.Disposed, m.Name)
			continue
		}
		if p, is := paused[m.Name]; is {
			m.Paused = &p
		}
		specs.Models = append(specs.Models, &m.Model)
	}
	return specs, nil
}

// Apply stores specs. It returns those that it changed and those that were so already, as "resources/products" and
// "models/price". What is stored and not in specs stays. Resources come first, since models learn from them. What is applied is seen
// by everybody at the next look.
func (s *Specs) Apply(ctx context.Context, specs retrain.Specs) (applied, unchanged []string, err error) {
	applied, unchanged = []string{}, []string{}
	was, e, err := s.together.get(ctx, s.Bucket, togetherKey) // before the specs, as gather reads it
	if err != nil {
		return applied, unchanged, err
	}
	bodies := make(map[string][]byte)
	var folders []string
	each := func(kind string, names []string, spec func(i int) any) error {
		for is, err := range inOrder(ctx, len(names), fetches, func(ctx context.Context, i int) (appliedSpec, error) {
			return s.apply(ctx, appliedSpec{name: kind + names[i], folder: kind + segment(names[i]) + "/"}, spec(i))
		}) {
			if err != nil {
				return err
			}
			bodies[is.folder], folders = is.body, append(folders, is.folder)
			if is.changed {
				applied = append(applied, is.name)
			} else {
				unchanged = append(unchanged, is.name)
			}
		}
		return nil
	}
	resources, models := make([]string, len(specs.Resources)), make([]string, len(specs.Models))
	for i, r := range specs.Resources {
		resources[i] = r.Name
	}
	for i, m := range specs.Models {
		models[i] = m.Name
	}
	if err = each(resourcesFolder, resources, func(i int) any { return specs.Resources[i] }); err == nil {
		err = each(modelsFolder, models, func(i int) any { return specs.Models[i] })
	}
	if len(folders) == 0 { // also those that were so are put together: whoever stored them may have died before that
		return applied, unchanged, err
	}
	failed := s.put(ctx, was, e, bodies)
	if errors.Is(failed, retrain.ConflictError) {
		failed = s.gather(ctx, folders)
	}
	return applied, unchanged, errors.Join(err, failed)
}

// An appliedSpec is one that Apply has stored, or found as it is to be.
type appliedSpec struct {
	name, folder string
	body         []byte
	changed      bool
}

func (s *Specs) apply(ctx context.Context, is appliedSpec, spec any) (appliedSpec, error) {
	body, err := marshal(spec)
	if err != nil {
		return is, err
	}
	is.body = body
	was, _, err := s.Bucket.Get(ctx, is.folder+specName)
	if err == nil && disposed(was) {
		return is, retrain.Errorf(retrain.ConflictError, "%s is being disposed of", strings.TrimSuffix(is.folder, "/")).
			WithHint("try again when that is done, within a minute")
	}
	if err == nil && bytes.Equal(was, body) {
		return is, nil
	} else if err != nil && !errors.Is(err, retrain.NotFoundError) {
		return is, err
	}
	_, err = s.Bucket.Put(ctx, is.folder+specName, body, Always) // of two who apply at once, the later wins
	is.changed = err == nil
	return is, err
}

func disposed(spec []byte) bool {
	var m modelSpec
	return json.Unmarshal(spec, &m) == nil && m.Disposed != nil
}
