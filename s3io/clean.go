package s3io

import (
	"context"
	"errors"
	"slices"

	"retrain"
)

// clean deletes what nobody can be reading any more: what the index named longer than Tuning.Grace ago, and no unfinished run
// still reads; packs after Tuning.Packs; and what a compaction has left behind that died.
func (r *Records) clean(ctx context.Context, resource string, ix *index) error {
	if ix.Generation == 0 {
		return nil
	}
	t, now := r.Tuning.withDefaults(), r.now()
	pinned := ix.Generation
	oldGarbage := func(g garbage) bool { return now.Sub(g.At) >= t.Grace && pinned >= g.Generation }
	oldPack := func(p packEntry) bool { return now.Sub(p.At) >= max(t.Grace, t.Packs) && pinned >= p.Generation }
	if r.Pinned != nil && (slices.ContainsFunc(ix.Garbage, oldGarbage) || slices.ContainsFunc(ix.Packs, oldPack)) {
		var err error
		if pinned, err = r.Pinned(ctx, resource); err != nil {
			return err
		}
	}
	next := ix.clone()
	var keys []string
	next.Garbage = slices.DeleteFunc(next.Garbage, func(g garbage) bool {
		if oldGarbage(g) {
			keys = append(keys, g.Keys...)
		}
		return oldGarbage(g)
	})
	next.Packs = slices.DeleteFunc(next.Packs, func(p packEntry) bool {
		if oldPack(p) {
			keys = append(keys, p.File.Key)
		}
		return oldPack(p)
	})
	left, err := r.leftBehind(ctx, resource, ix)
	if err != nil {
		return err
	}
	if err := r.remove(ctx, slices.Concat(keys, left)); err != nil || len(keys) == 0 {
		return err
	}
	if err := r.swap(ctx, resource, next); !errors.Is(err, retrain.ConflictError) { // otherwise whoever cleans next does it
		return err
	}
	return nil
}

// leftBehind lists objects that are of nobody. The index was read before: what has been written since is too young.
func (r *Records) leftBehind(ctx context.Context, resource string, ix *index) (keys []string, err error) {
	t, now := r.Tuning.withDefaults(), r.now()
	if !r.cache.again("clean "+resource, now, t.Grace/4) {
		return nil, nil
	}
	named := make(map[string]bool)
	for i := range ix.Segments {
		for _, key := range ix.Segments[i].keys() {
			named[key] = true
		}
	}
	for _, p := range ix.Packs {
		named[p.File.Key] = true
	}
	for _, g := range ix.Garbage {
		for _, key := range g.Keys {
			named[key] = true
		}
	}
	for _, prefix := range []string{segmentsKey(resource), packsKey(resource)} {
		for o, err := range r.Bucket.List(ctx, Listing{Prefix: prefix}) {
			if err != nil {
				return nil, err
			}
			if !named[o.Key] && now.Sub(o.LastModified) >= t.Grace {
				keys = append(keys, o.Key)
			}
		}
	}
	return keys, nil
}
