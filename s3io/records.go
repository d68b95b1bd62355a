package s3io

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"retrain"
)

// Records keeps the records of native resources. A batch is one immutable object in a log, or shares one with others; the log is
// compacted into segments, which are columns. A read sees every acknowledged batch once, and of each record the latest state,
// however those who insert, compact and read come between each other or die. Its fields must not be changed once it is used.
type Records struct {
	Bucket Bucket
	Tuning Tuning
	Pinned func(ctx context.Context, resource string) (generation int, err error) // the oldest index that an unfinished run reads; nil: there are none
	Now    func() time.Time                                                       // time.Now
	Log    *slog.Logger                                                           // what compaction says; nil: nothing

	cache cache
}

// Tuning says when records are compacted, and how long what they were is kept. The zero Tuning is what Retrain uses.
type Tuning struct {
	Objects int           // compact a log from so many objects on; 128
	Bytes   int64         // or from so many bytes on; 8 MiB
	Age     time.Duration // or from this age of a log's oldest object on, however few there are; 1 hour
	Grace   time.Duration // how long a reader may need for what it has begun: nothing is deleted before; 1 hour
	Packs   time.Duration // how long batches are kept as they came; 24 hours
	Rows    int           // the most rows of a segment, and of what is compacted at once; 524288
	Plain   bool          // segments are written as they are, not compressed: for whom bytes are cheaper than processors
}

func (t Tuning) withDefaults() Tuning {
	t.Objects, t.Bytes, t.Age = cmp.Or(t.Objects, 128), cmp.Or(t.Bytes, 8<<20), cmp.Or(t.Age, time.Hour)
	t.Grace, t.Packs, t.Rows = cmp.Or(t.Grace, time.Hour), cmp.Or(t.Packs, 24*time.Hour), cmp.Or(t.Rows, 1<<19)
	return t
}

func (r *Records) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

var (
	_ retrain.RecordLog = (*Records)(nil)
	_ retrain.Source    = (*Records)(nil)
)

const batchSuffix = ".jsonl.zst"

func resourceKey(resource string) string { return "resources/" + segment(resource) + "/" }

func logKey(resource string) string { return resourceKey(resource) + "log/" }

// Append stores a batch as one object, unless one with its id was stored before, whether it still is an object or was absorbed.
// A batch that is sent again in the very moment in which it is absorbed may be called stored; it is not read twice for that.
// Records without an id get one: the batch's, and their place in it. It returns a DataValidationError for what cannot be stored.
func (r *Records) Append(ctx context.Context, b retrain.Batch) (stored bool, err error) {
	name, err := batchSegment(b.ID)
	if err != nil {
		return false, err
	}
	ix, err := r.recent(ctx, b.Resource)
	if err != nil {
		return false, err
	}
	if !b.Fresh {
		if known, err := r.wasAbsorbed(ctx, ix, b.ID); known || err != nil {
			return false, err
		}
	}
	object, err := encodeBatches([]retrain.Batch{b}, ix.Absorbed)
	if err != nil {
		return false, err
	}
	_, err = r.Bucket.Put(ctx, logKey(b.Resource)+name+batchSuffix, object, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		return false, nil
	}
	return err == nil, err
}

// Snapshot names a resource's segments and the batches beside them. It reads no records.
func (r *Records) Snapshot(ctx context.Context, resource retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error) {
	d := retrain.Dataset{Resource: resource.Name, Partition: p, Objects: []retrain.DataObject{}}
	if resource.Source != "" && resource.Source != "native" {
		return d, retrain.Errorf(retrain.ModelConfigError, "resource %s: records of source %q are not read here", resource.Name, resource.Source)
	}
	v, err := r.view(ctx, resource.Name)
	if err != nil {
		return d, err
	}
	return v.dataset(resource.Name, p), nil
}

// Count returns how many records a snapshot has.
func (r *Records) Count(ctx context.Context, d retrain.Dataset) (int, error) {
	n := 0
	if d.Partition != nil || slices.ContainsFunc(d.Objects, func(o retrain.DataObject) bool { return isSegment(&o) }) {
		for t, err := range r.Tables(ctx, d) {
			if err != nil {
				return 0, err
			}
			n += t.Rows
		}
		return n, nil
	}
	parts, err := r.parts(ctx, d)
	for _, p := range parts {
		n += p.rows()
	}
	return n, err
}
