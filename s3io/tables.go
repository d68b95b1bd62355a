package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"retrain"
)

// How a snapshot is read. Objects are fetched twice where they are too big to be kept between the two passes.
const (
	fetches   = 32        // at once; what a server some milliseconds away needs to be busy
	decodes   = 4         // blocks decoded ahead of whoever takes them
	blockRows = 8192      // a block has this many, or the rows of one bigger batch
	keptBytes = 256 << 20 // packed objects kept between the passes
)

// Tables reads a snapshot in two passes, because a record may stand in several batches and only its latest state counts. The
// first looks at the ids alone; the second makes columns, in the order in which the records' latest states were inserted.
// Batches are ordered by the time of their insertion, those of the same moment by their ids. An object that is gone, that was
// changed since the snapshot or that is damaged is an error that names its key, and the place in it.
func (r *Records) Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		parts, err := r.parts(ctx, d)
		if err != nil {
			yield(nil, err)
			return
		}
		blocks := grouped(parts)
		decode := func(ctx context.Context, i int) (*retrain.Table, error) { return r.block(ctx, d.Partition, blocks[i]) }
		for t, err := range inOrder(ctx, len(blocks), decodes, decode) {
			if err == nil && t.Rows == 0 {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
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
	if errors.Is(err, retrain.NotFoundError) {
		return nil, retrain.Errorf(retrain.NotFoundError, "batch %q: %s is gone since the snapshot: %w", o.Batch, o.Key, err)
	} else if err != nil {
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
		return nil, err
	}
	sortParts(parts)
	markOld(parts)
	return parts, nil
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
