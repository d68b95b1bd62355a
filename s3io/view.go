package s3io

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// A view is a resource at one moment: its index, and what stands in the log beside it.
type view struct {
	*index

	log    []logObject // those with a batch that is to be read
	absent []logObject // those all of whose batches were absorbed, or stand in another: they may go
}

// A logObject is an object of the log.
type logObject struct {
	ObjectInfo

	head  *batchHeader // nil where it need not be, or cannot be read
	use   []batchHead  // its batches that are to be read
	batch string       // by its name; "" where it has one that says nothing
}

// Objects that hold several batches have a name that no batch's id has as its segment.
const sharedPrefix = "+"

// view looks at a resource. The log is listed before the index is read: what is absorbed in between is then in the index, and
// perhaps in the log too, where its batches' ids tell.
func (r *Records) view(ctx context.Context, resource string) (*view, error) {
	return r.viewed(ctx, resource, false)
}

// viewed is a view whose objects have heads, also where a reader needs none.
func (r *Records) viewed(ctx context.Context, resource string, heads bool) (*view, error) {
	var last ETag
	for {
		v, err := r.look(ctx, resource, heads)
		switch {
		case !errors.Is(err, errAbsorbedMeanwhile):
			return v, err
		case v != nil && v.etag == last: // it has not moved on: what it names is not there
			return nil, retrain.Errorf(retrain.DataValidationError, "%s is damaged: %s", indexKey(resource), err.Error()).
				WithHint("has anything but Retrain deleted objects of the bucket? restore them from its versions")
		case v != nil:
			last = v.etag
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
	}
}

var errAbsorbedMeanwhile = errors.New("an object of the log was absorbed meanwhile")

func (r *Records) look(ctx context.Context, resource string, heads bool) (*view, error) {
	objects, shared, err := r.listLog(ctx, resource)
	if err != nil {
		return nil, err
	}
	v := &view{}
	if v.index, err = r.index(ctx, resource); err != nil {
		return nil, err
	}
	if v.Absorbed == 0 && !shared && !heads { // each object is one batch, by its name
		v.log = objects
		return v, nil
	}
	if err := r.readHeads(ctx, objects); err != nil {
		return nil, err
	}
	return v, r.settle(ctx, v, objects)
}

// listLog lists the objects of a log, and says whether any holds several batches.
func (r *Records) listLog(ctx context.Context, resource string) (objects []logObject, shared bool, err error) {
	prefix := logKey(resource)
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: prefix}) {
		if err != nil {
			return nil, false, err
		}
		name, ok := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix), batchSuffix)
		batch, plain := unsegment(name)
		switch {
		case ok && plain:
			objects = append(objects, logObject{ObjectInfo: o, batch: batch})
		case ok && strings.HasPrefix(name, sharedPrefix):
			objects, shared = append(objects, logObject{ObjectInfo: o}), true
		} // otherwise somebody else's
	}
	return objects, shared, nil
}

// Of most headers this is all; the rest of longer ones is asked for.
const headBytes = 2 << 10

// readHeads reads what objects say of themselves. One that is damaged stays without: whoever reads it says what is wrong.
func (r *Records) readHeads(ctx context.Context, objects []logObject) error {
	_, err := all(ctx, len(objects), fetches, func(ctx context.Context, i int) (struct{}, error) {
		o := &objects[i]
		head, err := cached(ctx, &r.cache, o.Key+"@"+string(o.ETag), func(ctx context.Context) (*batchHeader, error) { return r.readHead(ctx, o) })
		if errors.Is(err, retrain.NotFoundError) {
			return struct{}{}, errAbsorbedMeanwhile
		} else if err != nil && !errors.Is(err, retrain.DataValidationError) {
			return struct{}{}, err
		}
		o.head = head
		return struct{}{}, nil
	})
	return err
}

func (r *Records) readHead(ctx context.Context, o *logObject) (*batchHeader, error) {
	b, _, err := r.Bucket.GetRange(ctx, o.Key, 0, headBytes)
	if err != nil {
		return nil, err
	}
	if n := headSize(b); n > headBytes {
		if b, _, err = r.Bucket.GetRange(ctx, o.Key, 0, n); err != nil {
			return nil, err
		}
	}
	h, _, err := openBatch(b)
	if err != nil {
		return nil, err
	}
	return &h, nil
}

// settle finds out which batches of the objects are to be read: not those that were absorbed, and of those that stand in several
// objects the one that was inserted first.
func (r *Records) settle(ctx context.Context, v *view, objects []logObject) error {
	taken := make(map[string]bool)
	order := make([]*logObject, len(objects))
	for i := range objects {
		order[i] = &objects[i]
	}
	slices.SortStableFunc(order, func(a, b *logObject) int {
		if a.head == nil || b.head == nil {
			return cmp.Compare(a.Key, b.Key)
		}
		return cmp.Or(a.head.At.Compare(b.head.At), cmp.Compare(a.Key, b.Key))
	})
	for _, o := range order {
		if o.head == nil {
			continue
		}
		absorbed, err := r.absorbedSince(ctx, v.index, o.head.Checked)
		if err != nil {
			return err
		}
		for _, b := range o.head.Batches {
			if !absorbed(b.ID) && !taken[b.ID] {
				taken[b.ID] = true
				o.use = append(o.use, b)
			}
		}
	}
	for i := range objects {
		if o := &objects[i]; o.head != nil && len(o.use) == 0 {
			v.absent = append(v.absent, *o)
		} else {
			v.log = append(v.log, *o)
		}
	}
	return nil
}

// absorbedSince returns what tells whether a batch came with any absorption after one.
func (r *Records) absorbedSince(ctx context.Context, ix *index, after int) (func(id string) bool, error) {
	var sets []map[string]bool
	next := ix.Absorbed // the absorptions after this one are in the sets
	for i := len(ix.Packs) - 1; i >= 0 && next > after && ix.Packs[i].N == next; i-- {
		h, err := r.packHead(ctx, &ix.Packs[i])
		if errors.Is(err, retrain.NotFoundError) {
			break
		} else if err != nil {
			return nil, err
		}
		sets = append(sets, h.batches)
		next--
	}
	if next > after { // those packs are gone
		for i := range ix.Segments {
			set, err := r.batchSet(ctx, ix.Segments[i].Batches.Key)
			if errors.Is(err, retrain.NotFoundError) {
				return nil, fmt.Errorf("%w: %w", errAbsorbedMeanwhile, err) // the index is old
			} else if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return func(id string) bool {
		return slices.ContainsFunc(sets, func(s map[string]bool) bool { return s[id] })
	}, nil
}

func (r *Records) batchSet(ctx context.Context, key string) (map[string]bool, error) {
	return cached(ctx, &r.cache, key+"#", func(ctx context.Context) (map[string]bool, error) {
		list, err := r.batchTable(ctx, key)
		set := make(map[string]bool, len(list))
		for i := range list {
			set[list[i].ID] = true
		}
		return set, err
	})
}

// dataset returns what a reader of a view reads.
func (v *view) dataset(resource string, p *retrain.PartitionRef) retrain.Dataset {
	d := retrain.Dataset{Resource: resource, Partition: p, Objects: []retrain.DataObject{}, Absorbed: v.Absorbed, Generation: v.Generation}
	for i := range v.Segments {
		if v.Segments[i].Rows > 0 { // others only remember their batches
			d.Objects = append(d.Objects, v.Segments[i].object(p))
		}
	}
	for i := range v.log {
		o := &v.log[i]
		object := retrain.DataObject{Key: o.Key, ETag: string(o.ETag), Batch: o.batch}
		if o.head != nil {
			object.Batch = ""
			for _, b := range o.use {
				object.Batches = append(object.Batches, b.ID)
			}
			if len(object.Batches) == 1 {
				object.Batch, object.Batches = object.Batches[0], nil
			}
		}
		d.Objects = append(d.Objects, object)
	}
	return d
}

// object returns the file of a segment that has a partition's rows together, or else the main file.
func (s *segmentEntry) object(p *retrain.PartitionRef) retrain.DataObject {
	f := s.Main
	if i := slices.IndexFunc(s.Copies, func(c copyEntry) bool { return serves(c.Fields, p) }); i >= 0 {
		f = s.Copies[i].File
	}
	o := retrain.DataObject{Key: f.Key, ETag: string(f.ETag), Size: f.Size, Foot: f.Foot, Brief: f.Brief}
	if s.Without != nil {
		o.Without = s.Without.Key
	}
	return o
}

// isSegment reports whether a snapshot's object is a segment's file.
func isSegment(o *retrain.DataObject) bool { return strings.HasSuffix(o.Key, ".parquet") }
