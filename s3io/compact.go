package s3io

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"retrain"
)

// Compacted says what a compaction has done.
type Compacted struct {
	Batches int // that were absorbed
	Rows    int // that were written into segments
}

// Compact compacts a resource as far as that is due: it absorbs the log, merges small segments, rewrites those of which much was
// replaced, or that lack the sorting for a partition that was declared since, and deletes what nobody reads any more. Each step
// becomes true with the index; who dies before that has changed nothing, and when two are at it, one has worked in vain. A segment
// takes in its younger neighbours while they are not much smaller, so a record is rewritten a number of times that grows with
// the logarithm of their number; no more than Tuning.Rows are in memory at once. Any number of processes may be at it.
func (r *Records) Compact(ctx context.Context, resource retrain.Resource) (Compacted, error) {
	var done Compacted
	for {
		v, err := r.viewed(ctx, resource.Name, true)
		if err != nil {
			return done, err
		}
		if err := r.removeAbsent(ctx, v); err != nil {
			return done, err
		}
		c := r.plan(v, &resource)
		if c == nil {
			return done, r.clean(ctx, resource.Name, v.index)
		}
		err = c.run(ctx)
		if errors.Is(err, retrain.ConflictError) {
			return done, nil // somebody else is at it
		} else if err != nil {
			return done, err
		}
		done.Batches += c.absorbed
		done.Rows += len(c.picks)
	}
}

// A compaction is one step: some objects of the log and some segments become one segment.
type compaction struct {
	*Records

	began    time.Time
	resource *retrain.Resource
	view     *view
	take     []logObject // that are absorbed
	merge    []int       // places of segments that are merged
	frames   []*frame
	entries  []*entry
	picks    []place
	packed   packHead
	bodies   [][]byte
	without  map[int]bitset // of other segments, by place: which rows no longer hold
	absorbed int
}

// An entry is a batch, and which of its rows go into the new segment.
type entry struct {
	segmentBatch

	young  bool // it comes from the log
	places []place
	keep   []place
}

// A segment is merged with what comes after it while that has at least this share of its rows.
const mergeShare = 0.25

// A segment of whose rows so many no longer hold is rewritten.
const staleShare = 0.3

// plan returns the next step, and nil where nothing is due.
func (r *Records) plan(v *view, resource *retrain.Resource) *compaction {
	t := r.Tuning.withDefaults()
	c := &compaction{Records: r, began: r.now(), resource: resource, view: v, without: make(map[int]bitset)}
	if r.due(v, &t) {
		rows := c.choose(&t)
		for i := range slices.Backward(v.Segments) {
			s := &v.Segments[i]
			live := s.Rows - s.Dropped
			if float64(rows) < mergeShare*float64(live) || rows+live > t.Rows {
				break
			}
			rows += live
			c.merge = append(c.merge, i)
		}
		slices.Reverse(c.merge)
		if len(c.take) > 0 {
			return c
		}
	}
	want := sortings(resource.Partitions)
	for i := range v.Segments {
		if s := &v.Segments[i]; s.Rows > 0 && (!s.sortedAs(want) || float64(s.Dropped-s.Graves) >= staleShare*float64(s.Rows)) {
			c.take, c.merge = nil, []int{i}
			return c
		}
	}
	return nil
}

func (s *segmentEntry) sortedAs(want [][]string) bool {
	return slices.EqualFunc(s.Copies, want, func(c copyEntry, fields []string) bool { return slices.Equal(c.Fields, fields) })
}

// due reports whether the log is to be absorbed.
func (r *Records) due(v *view, t *Tuning) bool {
	size, now := int64(0), r.now()
	for i := range v.log {
		o := &v.log[i]
		if size += o.Size; now.Sub(o.LastModified) >= t.Age {
			return true
		}
	}
	return len(v.log) >= t.Objects || size >= t.Bytes
}

// The most that one step absorbs besides rows: what is fetched at once, and what a ledger is told at once.
const (
	mostAbsorbed        = 64 << 20
	mostAbsorbedBatches = 8192
)

// choose takes objects of the log, those that were inserted first. Damaged ones stay: whoever reads them says what is wrong.
func (c *compaction) choose(t *Tuning) (rows int) {
	log := slices.DeleteFunc(slices.Clone(c.view.log), func(o logObject) bool { return o.head == nil })
	slices.SortStableFunc(log, func(a, b logObject) int { return cmp.Or(a.head.At.Compare(b.head.At), cmp.Compare(a.Key, b.Key)) })
	size, batches := int64(0), 0
	for i := range log {
		o := &log[i]
		if len(c.take) > 0 && (rows+o.head.Records > t.Rows || size+o.Size > mostAbsorbed || batches+len(o.use) > mostAbsorbedBatches) {
			break
		}
		rows, size, batches = rows+o.head.Records, size+o.Size, batches+len(o.use)
		c.take = append(c.take, *o)
	}
	if len(c.take) > 0 {
		c.take = append(c.take, c.view.absent...)
	}
	return rows
}

func (c *compaction) run(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	if len(c.take) == 0 && len(c.merge) == 0 {
		return nil
	}
	if err := c.resolve(ctx); err != nil {
		return err
	}
	next, err := c.write(ctx)
	if err != nil {
		return err
	}
	if c.now().Sub(c.began) > c.Tuning.withDefaults().Grace/2 {
		return retrain.Errorf(retrain.UnavailableError, "compacting %s took so long that what it has written may be taken for left behind", c.resource.Name)
	}
	// Where this fails, even by a ConflictError, the index may name what was written: an attempt whose answer was lost may have
	// made it true, and somebody else may have moved it on. So it stays until it is known to be of nobody.
	if err := c.swap(ctx, c.resource.Name, next); err != nil {
		return err
	}
	var keys []string
	for i := range c.take {
		keys = append(keys, c.take[i].Key)
	}
	return c.remove(ctx, keys)
}

// removeAbsent deletes objects of the log that a pack has: whoever absorbed them died, or their sender was slow. Those that none
// has are absorbed with the next, since a snapshot may name them, or go when they are as old as packs become.
func (r *Records) removeAbsent(ctx context.Context, v *view) error {
	t := r.Tuning.withDefaults()
	var keys []string
	for i := range v.absent {
		o := &v.absent[i]
		packed, err := r.isPacked(ctx, v.index, o)
		if err != nil {
			return err
		}
		if packed || r.now().Sub(o.LastModified) >= max(t.Grace, t.Packs) {
			keys = append(keys, o.Key)
		}
	}
	return r.remove(ctx, keys)
}

func (r *Records) isPacked(ctx context.Context, ix *index, o *logObject) (bool, error) {
	_, name, _ := logName(o.Key)
	for i := range ix.Packs {
		h, err := r.packHead(ctx, &ix.Packs[i])
		if errors.Is(err, retrain.NotFoundError) {
			continue
		} else if err != nil {
			return false, err
		}
		if _, _, found := h.find(name, o.ETag); found {
			return true, nil
		}
	}
	return false, nil
}

// remove deletes objects, as far as that works.
func (r *Records) remove(ctx context.Context, keys []string) error {
	_, err := all(ctx, len(keys), fetches, func(ctx context.Context, i int) (struct{}, error) {
		return struct{}{}, r.Bucket.Delete(ctx, keys[i])
	})
	return err
}
