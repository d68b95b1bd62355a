package s3io

import (
	"context"
	"errors"
	"strings"

	"retrain"
)

// Records keeps the records of native resources: one immutable object per batch.
type Records struct {
	Bucket Bucket
}

var (
	_ retrain.RecordLog = (*Records)(nil)
	_ retrain.Source    = (*Records)(nil)
)

const batchSuffix = ".jsonl.zst"

func resourceKey(resource string) string { return "resources/" + segment(resource) + "/" }

func logKey(resource string) string { return resourceKey(resource) + "log/" }

// Append stores a batch as one object, unless one with its id is there. Records without an id get one: the batch's, and their
// place in it. It returns a DataValidationError for what cannot be stored.
func (r *Records) Append(ctx context.Context, b retrain.Batch) (stored bool, err error) {
	name, err := batchSegment(b.ID)
	if err != nil {
		return false, err
	}
	object, err := encodeBatch(b)
	if err != nil {
		return false, err
	}
	_, err = r.Bucket.Put(ctx, logKey(b.Resource)+name+batchSuffix, object, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		return false, nil
	}
	return err == nil, err
}

// Snapshot lists a resource's batches. It reads none of them.
func (r *Records) Snapshot(ctx context.Context, resource retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error) {
	d := retrain.Dataset{Resource: resource.Name, Partition: p, Objects: []retrain.DataObject{}}
	if resource.Source != "" && resource.Source != "native" {
		return d, retrain.Errorf(retrain.ModelConfigError, "resource %s: records of source %q are not read here", resource.Name, resource.Source)
	}
	prefix := logKey(resource.Name)
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: prefix}) {
		if err != nil {
			return d, err
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix), batchSuffix)
		batch, plain := unsegment(name)
		if ok && plain { // otherwise somebody else's
			d.Objects = append(d.Objects, retrain.DataObject{Key: o.Key, ETag: string(o.ETag), Batch: batch})
		}
	}
	return d, nil
}

// Count returns how many records a snapshot has.
func (r *Records) Count(ctx context.Context, d retrain.Dataset) (int, error) {
	n := 0
	if d.Partition != nil {
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
