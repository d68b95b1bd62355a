package app

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"slices"

	"retrain"
	"retrain/mlcore/portable"
)

// Export returns a version as a portable model; version 0 is the champion. All files of the version are fetched and compared
// with their digests.
func (a *App) Export(ctx context.Context, model string, version int) (*portable.Model, error) {
	dir, err := os.MkdirTemp("", "retrain-export-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // the system clears its temporary folder otherwise
	v, err := a.FetchVersion(ctx, model, version, dir)
	if err != nil {
		return nil, err
	}
	return portable.Of(v)
}

// FetchVersion copies a version's folder into dir; version 0 is the champion.
func (a *App) FetchVersion(ctx context.Context, model string, version int, dir string) (retrain.Version, error) {
	mf, err := a.Version(ctx, model, version)
	if err != nil {
		return retrain.Version{}, err
	}
	return a.Registry.Fetch(ctx, model, mf.Version, dir)
}

// Import stores a portable model and requests the run that makes a version of it. The model must be declared, of the same type,
// features and target. A ConflictError says that another run of the model waits.
func (a *App) Import(ctx context.Context, model string, p *portable.Model) (retrain.RunID, error) {
	m, err := a.Catalog.Model(ctx, model)
	if errors.Is(err, retrain.ModelNotFoundError) {
		return retrain.RunID{}, retrain.Errorf(retrain.ModelNotFoundError, "no model %q", model).
			WithHint("declare it first: producer apply -f FILE; or let the file do it: producer import FILE --as %s --apply", model)
	} else if err != nil {
		return retrain.RunID{}, err
	}
	what := retrain.Import{}
	if what.Spec, err = m.Taken(&p.Spec); err != nil {
		return retrain.RunID{}, err
	}
	if err := p.Preparation.Suits(&what.Spec); err != nil {
		return retrain.RunID{}, err
	}
	s, err := a.State(ctx, model)
	if err != nil {
		return retrain.RunID{}, err
	}
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		return retrain.RunID{}, err
	}
	if what.SHA256, err = a.Runs.PutImport(ctx, model, file.Bytes()); err != nil {
		return retrain.RunID{}, err
	}
	what.Origin = p.Origin(what.SHA256)
	return a.Requester.Import(ctx, m, s, what)
}

// Declare applies the spec of a portable model under a name, unless that model is declared already, and its resource as a
// native one where there is none. The new model is not trained by itself: its triggers belong to the records that it came from.
// It reports whether the model is new.
func (a *App) Declare(ctx context.Context, model string, p *portable.Model) (bool, error) {
	specs, err := a.Specs.Specs(ctx)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(specs.Models, func(m *retrain.Model) bool { return m.Name == model }) {
		return false, nil
	}
	m := p.Spec
	m.Name, m.AutoTrain, m.TrainAfterInserts, m.TrainInterval = model, false, 0, 0
	c := &Config{Models: map[string]*retrain.Model{model: &m}, lines: lines{file: "the imported file"}}
	if !slices.ContainsFunc(specs.Resources, func(r retrain.Resource) bool { return r.Name == m.Resource }) {
		r := &retrain.Resource{Name: m.Resource}
		if m.Partition != nil {
			r.Partitions = map[string][]string{m.Partition.Name: slices.Sorted(maps.Keys(m.Partition.Values))}
		}
		c.Resources = map[string]*retrain.Resource{r.Name: r}
	}
	c.fillIn()
	if err := c.check(); err != nil {
		return false, err
	}
	_, _, err = a.Apply(ctx, c)
	return err == nil, err
}
