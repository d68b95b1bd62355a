package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"retrain"
)

// How a snapshot is read. Objects are fetched twice where they are too big to be kept between the two passes.
const (
	fetches   = 32        // at once; what a server some milliseconds away needs to be busy
	decodes   = 4         // blocks decoded ahead of whoever takes them
	blockRows = 8192      // a block has this many, or the rows of one bigger batch
	keptBytes = 256 << 20 // packed objects kept between the passes
)

// Tables yields the segments of a snapshot, and then the batches beside them. A record may stand in several of these, and only its
// latest state counts. Among the segments that is settled: each says which of its rows no longer hold. The batches are read in
// two passes: the first looks at the ids alone, also to leave those rows of segments out; the second makes columns. The order is
// that of the insertion of the records' latest states; only a batch that arrived after later ones were compacted stands where
// it was found. Batches are ordered by the time of their insertion, those of the same moment by their ids. An object that is gone,
// that was changed since the snapshot or that is damaged is an error that names its key, and the place in it.
func (r *Records) Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		jobs, _, err := r.jobs(ctx, d, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		work := func(ctx context.Context, i int) (*retrain.Table, error) { return jobs[i](ctx) }
		for t, err := range inOrder(ctx, len(jobs), decodes, work) {
			if err == nil && t.Rows == 0 {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// A job makes one table.
type job func(ctx context.Context) (*retrain.Table, error)

// jobs does what has to be known before any table can be made. Where ids are wanted, row groups without any of them are left out. It also returns when the last batch was
// inserted.
func (r *Records) jobs(ctx context.Context, d retrain.Dataset, want map[[2]uint64]struct{}) (jobs []job, last time.Time, err error) {
	log := d
	log.Objects = slices.DeleteFunc(slices.Clone(d.Objects), func(o retrain.DataObject) bool { return isSegment(&o) })
	var segments []*segmentFile
	if len(log.Objects) < len(d.Objects) {
		if segments, err = r.openSegments(ctx, d.Objects); err != nil {
			return nil, last, err
		}
	}
	parts, latest, err := r.settled(ctx, log, segments)
	if err != nil {
		return nil, last, err
	}
	for _, s := range segments {
		last = later(last, s.meta.To)
		for group := range s.first {
			if s.meta.By == nil || d.Partition == nil || s.meta.Groups[group].mayHave(s.meta.By, d.Partition) {
				jobs = append(jobs, func(ctx context.Context) (*retrain.Table, error) {
					if want != nil {
						if has, err := s.hasAny(ctx, group, want); !has || err != nil {
							return new(retrain.Table), err
						}
					}
					return s.table(ctx, group, latest, d.Partition)
				})
			}
		}
	}
	for _, p := range parts {
		for _, b := range p.header.Batches {
			last = later(last, b.At)
		}
	}
	for _, block := range grouped(parts) {
		jobs = append(jobs, func(ctx context.Context) (*retrain.Table, error) { return r.block(ctx, d.Partition, block) })
	}
	return jobs, last, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// grouped puts small parts together.
func grouped(parts []*part) (blocks [][]*part) {
	rows := 0
	for _, p := range parts {
		n := p.rows()
		if n == 0 {
			continue
		}
		if len(blocks) == 0 || rows+n > blockRows {
			blocks, rows = append(blocks, nil), 0
		}
		last := len(blocks) - 1
		blocks[last], rows = append(blocks[last], p), rows+n
	}
	return blocks
}

// buffers are for unpacked lines, which nobody keeps.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// block decodes parts into one table and leaves what is in the partition.
func (r *Records) block(ctx context.Context, in *retrain.PartitionRef, parts []*part) (*retrain.Table, error) {
	rows := 0
	for _, p := range parts {
		rows += p.rows()
	}
	c := newColumns(rows)
	for _, p := range parts {
		if err := r.decode(ctx, p, c); err != nil {
			return nil, err
		}
	}
	return partitioned(c.table(), in), nil
}

func (r *Records) decode(ctx context.Context, p *part, c *columns) error {
	return r.again(ctx, p, func(h batchHeader, lines []byte) error { return c.addLines(lines, h.Records, p.old) })
}

// again is the second pass over a part.
func (r *Records) again(ctx context.Context, p *part, do func(h batchHeader, lines []byte) error) error {
	object := p.body
	if p.body = nil; object == nil { // each part is in one block: nobody else asks for it
		var err error
		if object, err = r.fetch(ctx, p.object); err != nil {
			return err
		}
	}
	return p.lines(object, func(h batchHeader, lines []byte) error {
		if h.Records != p.header.Records {
			return retrain.Errorf(retrain.DataValidationError, "it was changed while it was read")
		}
		return do(h, lines)
	})
}

// fetch reads a snapshot's object as it was.
func (r *Records) fetch(ctx context.Context, o retrain.DataObject) ([]byte, error) {
	body, e, err := r.Bucket.Get(ctx, o.Key)
	if errors.Is(err, retrain.NotFoundError) { // it may have been absorbed since
		if body, err = r.fromPack(ctx, &o); err == nil {
			return body, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("batch %q: %w", o.Batch, err)
	}
	if o.ETag != "" && o.ETag != string(e) {
		return nil, retrain.Errorf(retrain.DataValidationError, "batch %q: %s was changed since the snapshot", o.Batch, o.Key)
	}
	return body, nil
}

// parts is the first pass: it returns the snapshot's batches in the order of their insertion, and which of their rows were
// replaced later.
func (r *Records) parts(ctx context.Context, d retrain.Dataset) ([]*part, error) {
	parts, _, err := r.settled(ctx, d, nil)
	return parts, err
}

// settled also compares the batches with segments, and returns the hashes of the ids that replace, or delete, rows of those.
func (r *Records) settled(ctx context.Context, d retrain.Dataset, segments []*segmentFile) ([]*part, map[[2]uint64]struct{}, error) {
	var kept atomic.Int64
	parts, err := all(ctx, len(d.Objects), fetches, func(ctx context.Context, i int) (*part, error) {
		p := &part{object: d.Objects[i]}
		body, err := r.fetch(ctx, p.object)
		if err != nil {
			return nil, err
		}
		if kept.Add(int64(len(body))) <= keptBytes {
			p.body = body
		}
		return p, p.lines(body, p.readIDs)
	})
	if err != nil {
		return nil, nil, err
	}
	sortParts(parts)
	late := newLate(segments)
	latest := markOld(parts, late.look)
	err = late.settle(ctx, r, latest)
	for _, p := range parts {
		p.ids = nil
	}
	if len(segments) == 0 {
		latest = nil // nobody asks
	}
	return parts, latest, err
}

// lines unpacks an object for do, which must not keep the bytes.
func (p *part) lines(object []byte, do func(h batchHeader, lines []byte) error) error {
	h, packed, err := openBatch(object)
	if err != nil {
		return inObject(p.object.Key, err)
	}
	buf := buffers.Get().(*[]byte) //nolint:forcetypeassert // it holds nothing else
	defer buffers.Put(buf)
	if *buf, err = h.unpack(packed, (*buf)[:0]); err == nil {
		err = do(h, bytes.TrimSuffix(*buf, []byte{'\n'}))
	}
	return inObject(p.object.Key, err)
}

// inObject says where an error is, and keeps its class and advice.
func inObject(key string, err error) error {
	if err == nil {
		return nil
	}
	e := retrain.Errorf(retrain.CodeOf(err), "%s: %w", key, err)
	if cause, ok := errors.AsType[*retrain.Error](err); ok {
		e.Message, e.Hint = key+": "+cause.Message, cause.Hint
	}
	return e
}
