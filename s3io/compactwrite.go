package s3io

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// write stores the new objects of the step, and returns the index that would make them true.
func (c *compaction) write(ctx context.Context) (*index, error) {
	next := c.view.clone()
	token := strings.ToLower(rand.Text()[:12])
	if len(c.take) > 0 {
		next.Absorbed++
		if err := c.writePack(ctx, next, token); err != nil {
			return nil, err
		}
	}
	old := garbage{At: c.began, Generation: next.Generation + 1}
	for i := range next.Segments {
		s, set := &next.Segments[i], c.without[i]
		if set == nil {
			continue
		}
		if s.Without != nil {
			old.Keys = append(old.Keys, s.Without.Key)
		}
		folder := s.Batches.Key[:strings.LastIndexByte(s.Batches.Key, '/')+1]
		f, err := c.put(ctx, folder+"without-"+numbered(next.Generation+1, token), set.encode)
		if err != nil {
			return nil, err
		}
		s.Without, s.Dropped = &f, set.count()
	}
	made, err := c.writeSegment(ctx, segmentsKey(c.resource.Name)+numbered(next.Generation+1, token)+"/")
	if err != nil {
		return nil, err
	}
	var segments []segmentEntry
	for i := range next.Segments {
		if !slices.Contains(c.merge, i) {
			segments = append(segments, next.Segments[i])
			continue
		}
		old.Keys = append(old.Keys, c.view.Segments[i].keys()...)
		if i == c.merge[len(c.merge)-1] {
			segments = append(segments, made)
		}
	}
	if len(c.merge) == 0 {
		segments = append(segments, made)
	}
	next.Segments = segments
	if len(old.Keys) > 0 {
		next.Garbage = append(next.Garbage, old)
	}
	c.drift(ctx, &made)
	return next, nil
}

func segmentsKey(resource string) string { return resourceKey(resource) + "segments/" }

// put stores an object of the step.
func (c *compaction) put(ctx context.Context, key string, encode func() ([]byte, error)) (fileRef, error) {
	body, err := encode()
	if err != nil {
		return fileRef{}, err
	}
	e, err := c.Bucket.Put(ctx, key, body, IfAbsent)
	if errors.Is(err, retrain.ConflictError) { // nobody else has the token: this was a mistake of ours, and no race
		err = fmt.Errorf("%s exists: %s", key, err.Error())
	}
	f := fileRef{Key: key, ETag: e, Size: int64(len(body))}
	if strings.HasSuffix(key, ".parquet") {
		f.Foot = footSize(body)
	}
	return f, err
}

func (c *compaction) writePack(ctx context.Context, next *index, token string) error {
	c.packed.Format, c.packed.N = 1, next.Absorbed
	p := packEntry{N: next.Absorbed, At: c.began, Generation: next.Generation + 1}
	var err error
	p.File, err = c.put(ctx, packsKey(c.resource.Name)+numbered(p.N, token)+batchSuffix, func() (body []byte, err error) {
		body, p.Head, err = encodePack(c.packed, c.bodies)
		return body, err
	})
	next.Packs = append(next.Packs, p)
	return err
}

// writeSegment stores the rows that were kept.
func (c *compaction) writeSegment(ctx context.Context, folder string) (segmentEntry, error) {
	var s segmentEntry
	var table []segmentBatch
	var hashes []batchHash
	var graves bitset
	for _, e := range c.entries {
		b := e.segmentBatch
		b.Records = len(e.keep)
		table, hashes = append(table, b), append(hashes, hashOf(b.ID))
		for range e.keep {
			if b.Gone {
				graves = graves.with(len(c.picks))
			}
			c.picks = append(c.picks, e.keep[0])
			e.keep = e.keep[1:]
		}
		if s.From.IsZero() || b.At.Before(s.From) {
			s.From = b.At
		}
		if b.At.After(s.To) {
			s.To = b.At
		}
	}
	var err error
	if s.Batches, err = c.put(ctx, folder+"batches", func() ([]byte, error) { return encodeBatchTable(table) }); err != nil {
		return s, err
	}
	if s.Known, err = c.put(ctx, folder+"known", func() ([]byte, error) { return encodeKnown(hashes), nil }); err != nil {
		return s, err
	}
	if s.Rows = len(c.picks); s.Rows == 0 {
		return s, nil
	}
	if s.Graves = graves.count(); s.Graves > 0 {
		f, err := c.put(ctx, folder+"without-"+numbered(0, "deletions"), graves.encode)
		if err != nil {
			return s, err
		}
		s.Without, s.Dropped = &f, s.Graves
	}
	return s, c.writeFiles(ctx, folder, &s)
}

// writeFiles stores the records, and once more for each sorting.
func (c *compaction) writeFiles(ctx context.Context, folder string, s *segmentEntry) (err error) {
	shape := newShape(c.frames, c.picks)
	shape.plain = c.Tuning.Plain
	s.Fields = shape.counts()
	meta := segmentMeta{Batches: s.Batches.Key, To: s.To}
	s.Main, err = c.put(ctx, folder+"main.parquet", func() ([]byte, error) {
		body, _, err := shape.encode(meta, consecutive(s.Rows), false)
		return body, err
	})
	if err != nil {
		return err
	}
	meta.Main = &s.Main
	for i, fields := range sortings(c.resource.Partitions) {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var groups [][]int32
		meta.By = fields
		groups, meta.Groups = shape.sortedBy(fields)
		var brief int64
		f, err := c.put(ctx, fmt.Sprintf("%sby%d.parquet", folder, i+1), func() (body []byte, err error) {
			body, brief, err = shape.encode(meta, groups, true)
			return body, err
		})
		if err != nil {
			return err
		}
		f.Brief = brief
		s.Copies = append(s.Copies, copyEntry{fields, f})
	}
	return nil
}

// consecutive returns row groups of all rows in their order.
func consecutive(rows int) (groups [][]int32) {
	all := make([]int32, rows)
	for i := range all {
		all[i] = int32(i)
	}
	return slices.Collect(slices.Chunk(all, groupRows))
}

// drift says which fields have come to have values of a kind that they did not have before.
func (c *compaction) drift(ctx context.Context, made *segmentEntry) {
	if len(c.view.Segments) == 0 {
		return
	}
	before := kindsOf(c.view.Segments)
	for name, kinds := range kindsOf([]segmentEntry{*made}) {
		for kind := range kinds {
			if had := before[name]; len(had) > 0 && had[kind] == 0 {
				c.warn(ctx, "a field has values of another kind than before: nothing is changed, but models may leave such records out",
					"resource", c.resource.Name, "field", name, "kind", kind, "values", kinds[kind])
			}
		}
	}
}

// kindsOf adds up how many values of which kind each field has in some segments.
func kindsOf(segments []segmentEntry) map[string]map[string]int {
	sum := make(map[string]map[string]int)
	for i := range segments {
		for name, kinds := range segments[i].Fields {
			if sum[name] == nil {
				sum[name] = make(map[string]int)
			}
			for kind, n := range kinds {
				if kind == kindNames[kindOf(exactCell)] {
					kind = kindNames[retrain.Number]
				}
				if kind != kindNames[kindOf(nullCell)] {
					sum[name][kind] += n
				}
			}
		}
	}
	return sum
}

func (r *Records) warn(ctx context.Context, msg string, args ...any) {
	if r.Log != nil {
		r.Log.WarnContext(ctx, msg, args...)
	}
}
