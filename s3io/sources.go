package s3io

import (
	"context"
	"iter"

	"retrain"
)

// Sources reads records from wherever a resource has them.
type Sources struct {
	Native retrain.Source
	S3DB   retrain.Source
	Files  retrain.Source
}

var (
	_ retrain.Source   = (*Sources)(nil)
	_ retrain.Archive  = (*Sources)(nil)
	_ retrain.Surveyor = (*Sources)(nil)
)

// Snapshot asks the resource's source.
func (s *Sources) Snapshot(ctx context.Context, r retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error) {
	source, err := s.of(&r)
	if err != nil {
		return retrain.Dataset{Resource: r.Name, Partition: p}, err
	}
	return source.Snapshot(ctx, r, p)
}

// Survey looks at all native resources at once, and at others when they are asked for.
func (s *Sources) Survey(ctx context.Context) (retrain.Snapshots, error) {
	all, ok := s.Native.(retrain.Surveyor)
	each := func(ctx context.Context, r retrain.Resource) (retrain.Dataset, error) { return s.Snapshot(ctx, r, nil) }
	if !ok {
		return each, nil
	}
	native, err := all.Survey(ctx)
	return func(ctx context.Context, r retrain.Resource) (retrain.Dataset, error) {
		if r.Native() {
			return native(ctx, r)
		}
		return each(ctx, r)
	}, err
}

// Tables asks the source that made the snapshot.
func (s *Sources) Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error] {
	r := retrain.Resource{Name: d.Resource}
	if d.From != nil {
		r = *d.From
	}
	source, err := s.of(&r)
	if err != nil {
		return func(yield func(*retrain.Table, error) bool) { yield(nil, err) }
	}
	return source.Tables(ctx, d)
}

func (s *Sources) of(r *retrain.Resource) (retrain.Source, error) {
	switch {
	case r.Native():
		return s.Native, nil
	case r.Source == "s3db":
		return s.S3DB, nil
	case r.Source == "files":
		return s.Files, nil
	}
	return nil, retrain.Errorf(retrain.ModelConfigError, "resource %s: unknown source %q", r.Name, r.Source).WithHint("native, s3db or files")
}

// Absorbed asks the native source: others absorb nothing.
func (s *Sources) Absorbed(ctx context.Context, resource string, n int) ([]string, error) {
	a, ok := s.Native.(retrain.Archive)
	if !ok {
		return nil, retrain.Errorf(retrain.NotFoundError, "resource %s has no absorption %d", resource, n)
	}
	return a.Absorbed(ctx, resource, n)
}

// Came asks the native source.
func (s *Sources) Came(ctx context.Context, d retrain.Dataset) iter.Seq2[retrain.Brought, error] {
	a, ok := s.Native.(retrain.Archive)
	if !ok {
		return func(func(retrain.Brought, error) bool) {}
	}
	return a.Came(ctx, d)
}

// Brought asks the native source.
func (s *Sources) Brought(ctx context.Context, resource string, n int) iter.Seq2[retrain.Brought, error] {
	a, ok := s.Native.(retrain.Archive)
	if !ok {
		return func(func(retrain.Brought, error) bool) {}
	}
	return a.Brought(ctx, resource, n)
}
