package s3io

import (
	"context"
	"hash/maphash"
	"slices"
	"time"

	"retrain"
)

// Find returns the latest states of those of a resource's records that have one of the ids. Of segments it reads the ids, and then
// those row groups that have one. It also returns when the last of all batches was inserted.
func (r *Records) Find(ctx context.Context, resource string, ids []string) (found map[string]retrain.Record, last time.Time, err error) {
	d, err := r.Snapshot(ctx, retrain.Resource{Name: resource}, nil)
	if err != nil {
		return nil, last, err
	}
	want := make(map[[2]uint64]struct{}, len(ids))
	for _, id := range ids {
		want[[2]uint64{maphash.String(seeds[0], id), maphash.String(seeds[1], id)}] = struct{}{}
	}
	jobs, last, err := r.jobs(ctx, d, want)
	if err != nil {
		return nil, last, err
	}
	found = make(map[string]retrain.Record, len(ids))
	work := func(ctx context.Context, i int) (*retrain.Table, error) { return jobs[i](ctx) }
	for t, err := range inOrder(ctx, len(jobs), decodes, work) {
		if err != nil {
			return nil, last, err
		}
		ids := &column{}
		if c := t.Column("id"); c != nil {
			ids.Column = *c
		}
		for row := range t.Rows {
			if id, ok := hashID(ids, row); ok {
				if _, ok := want[id]; ok {
					record := t.Record(row)
					found[record.ID()] = record
				}
			}
		}
	}
	return found, last, nil
}

// WasStored reports whether a batch was stored, whether it stands in the log or was absorbed.
func (r *Records) WasStored(ctx context.Context, resource, batch string) (bool, error) {
	ix, err := r.index(ctx, resource)
	if err != nil {
		return false, err
	}
	had, err := r.storedBefore(ctx, resource, ix, []retrain.Batch{{ID: batch}})
	return had[batch], err
}

// hasAny reports whether a row group has one of some ids.
func (s *segmentFile) hasAny(ctx context.Context, group int, want map[[2]uint64]struct{}) (bool, error) {
	c, pos, err := s.read(ctx, group, false, true)
	if err != nil {
		return false, err
	}
	ids := c.ids()
	return slices.ContainsFunc(pos, func(p int32) bool {
		id, ok := hashID(ids, int(p)-s.first[group])
		_, wanted := want[id]
		return ok && wanted && !s.without.has(int(p))
	}), nil
}
