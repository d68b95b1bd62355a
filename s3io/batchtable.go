package s3io

import (
	"context"
	"encoding/binary"
	"time"

	"retrain"
)

// A segmentBatch is what a segment remembers of a batch. Its rows stand together in the main file.
type segmentBatch struct {
	batchHead // Records: of them, in the segment

	N int // the absorption that it came with
}

// A batch table is a zstd frame with, for each batch in the order of insertion: the seconds since the batch before, or since 1970,
// and the nanoseconds; the length of the id and the id; the absorption; twice the rows, plus one for deletions.

func encodeBatchTable(list []segmentBatch) ([]byte, error) {
	var b []byte
	last := int64(0)
	for _, e := range list {
		b = binary.AppendVarint(b, e.At.Unix()-last)
		b = binary.AppendVarint(b, int64(e.At.Nanosecond()))
		last = e.At.Unix()
		b = binary.AppendUvarint(b, uint64(len(e.ID)))
		b = append(b, e.ID...)
		b = binary.AppendUvarint(b, uint64(e.N))
		flags := uint64(e.Records) << 1
		if e.Gone {
			flags++
		}
		b = binary.AppendUvarint(b, flags)
	}
	zip, err := packer()
	if err != nil {
		return nil, err
	}
	return zip.EncodeAll(b, nil), nil
}

// batchTable reads which batches a segment has.
func (r *Records) batchTable(ctx context.Context, key string) ([]segmentBatch, error) {
	return cached(ctx, &r.cache, key, func(ctx context.Context) ([]segmentBatch, error) {
		object, _, err := r.Bucket.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		list, err := decodeBatchTable(object)
		return list, inObject(key, err)
	})
}

func decodeBatchTable(object []byte) (list []segmentBatch, err error) {
	unzip, err := unpacker()
	if err != nil {
		return nil, err
	}
	b, err := unzip.DecodeAll(object, nil)
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "zstd: %w", err)
	}
	d := &varints{b: b}
	seconds := int64(0)
	for len(d.b) > 0 && !d.broken {
		seconds += d.signed()
		nanos := d.signed()
		var e segmentBatch
		e.At, e.ID, e.N = time.Unix(seconds, nanos).UTC(), d.text(), int(d.unsigned())
		flags := d.unsigned()
		e.Records, e.Gone = int(flags>>1), flags&1 == 1
		list = append(list, e)
	}
	if d.broken {
		return nil, retrain.Errorf(retrain.DataValidationError, "batch %d: it ends in the middle", len(list))
	}
	return list, nil
}

// varints reads numbers of variable length.
type varints struct {
	b      []byte
	broken bool
}

func (d *varints) took(n int) {
	if n <= 0 || n > len(d.b) {
		d.broken, d.b = true, nil
		return
	}
	d.b = d.b[n:]
}

func (d *varints) signed() int64 {
	v, n := binary.Varint(d.b)
	d.took(n)
	return v
}

func (d *varints) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	d.took(n)
	return v
}

func (d *varints) text() string {
	n := d.unsigned()
	if n == 0 || n > uint64(len(d.b)) {
		d.broken = true
		return ""
	}
	s := string(d.b[:n])
	d.took(int(n))
	return s
}
