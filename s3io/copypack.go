package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"retrain"
)

// A database that changes all the time has a batch of copies for every time that somebody looked. So that reading it is not a
// request for each, batches that follow one another are put together: sixteen into one object, sixteen of those into one, as
// long as it has no more rows than a block. Which ones is a matter of their numbers alone, so whoever does it does the same. What
// was put together stays where it was: a snapshot that names it can be read for ever, and nobody can take its number again.
const packFan = 16

func (c *copies) packFolder() string { return c.folder + "packs/" }

// packs lists the objects that have the most batches, from the first batch on without a gap.
func (c *copies) packs(ctx context.Context) ([]heldCopies, error) {
	largest := make(map[int]heldCopies) // by the first batch
	for o, err := range c.bucket.List(ctx, Listing{Prefix: c.packFolder()}) {
		if err != nil {
			return nil, err
		}
		if h, ok := c.packOf(&o); ok && h.last > largest[h.first].last {
			largest[h.first] = h
		}
	}
	var list []heldCopies
	for n := 1; largest[n].last != 0; n = list[len(list)-1].last + 1 {
		h := largest[n]
		h.Batches = c.batchIDs(h.first, h.last)
		list = append(list, h)
	}
	return list, nil
}

// packOf reads the name of a pack.
func (c *copies) packOf(o *ObjectInfo) (h heldCopies, ok bool) {
	name, isPack := strings.CutSuffix(strings.TrimPrefix(o.Key, c.packFolder()), batchSuffix)
	first, last, both := strings.Cut(name, "-")
	h.DataObject = retrain.DataObject{Key: o.Key, ETag: string(o.ETag)}
	var firstErr, lastErr error
	h.first, firstErr = strconv.Atoi(first)
	h.last, lastErr = strconv.Atoi(last)
	return h, isPack && both && firstErr == nil && lastErr == nil && h.first > 0 && h.last >= h.first
}

func (c *copies) batchIDs(first, last int) (ids []string) {
	for n := first; n <= last; n++ {
		ids = append(ids, c.batchID(n))
	}
	return ids
}

// pack puts together what can be.
func (c *copies) pack(ctx context.Context) error {
	for span := packFan; span <= c.count; span *= packFan {
		for i := 0; i+packFan <= len(c.held); i++ {
			if !c.packable(c.held[i:i+packFan], span) {
				continue
			}
			packed, err := c.together(ctx, c.held[i:i+packFan])
			if err != nil {
				return err
			}
			c.held = append(append(c.held[:i:i], packed), c.held[i+packFan:]...)
		}
	}
	return nil
}

// packable reports whether objects are the sixteen that make one with so many batches.
func (c *copies) packable(list []heldCopies, span int) bool {
	rows := 0
	for i, h := range list {
		if h.first != list[0].first+i*span/packFan || h.last-h.first+1 != span/packFan {
			return false
		}
		rows += h.rows
	}
	return (list[0].first-1)%span == 0 && rows <= copiedRows
}

// together writes an object with the batches of others, unless somebody has.
func (c *copies) together(ctx context.Context, list []heldCopies) (heldCopies, error) {
	h := heldCopies{first: list[0].first, last: list[len(list)-1].last}
	bodies, err := all(ctx, len(list), packFan, func(ctx context.Context, i int) ([]byte, error) {
		return (&Records{Bucket: c.bucket}).fetch(ctx, list[i].DataObject)
	})
	if err != nil {
		return h, err
	}
	var batches []retrain.Batch
	for i, body := range bodies {
		if batches, err = appendBatches(batches, &list[i], body); err != nil {
			return h, err
		}
		h.rows += list[i].rows
	}
	object, err := encodeBatches(batches, 0)
	if err != nil {
		return h, err
	}
	h.DataObject = retrain.DataObject{Key: fmt.Sprintf("%s%010d-%010d%s", c.packFolder(), h.first, h.last, batchSuffix), Batches: c.batchIDs(h.first, h.last)}
	e, err := c.bucket.Put(ctx, h.Key, object, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		_, e, err = c.bucket.Get(ctx, h.Key)
	}
	h.ETag = string(e)
	return h, err
}

// appendBatches appends the batches of an object, with their lines as they are.
func appendBatches(batches []retrain.Batch, h *heldCopies, object []byte) ([]retrain.Batch, error) {
	p := &part{object: h.DataObject}
	err := p.lines(object, func(b batchHeader, lines []byte) error {
		for _, head := range b.Batches {
			batch := retrain.Batch{ID: head.ID, At: head.At}
			for range head.Records {
				line, rest, _ := bytes.Cut(lines, []byte{'\n'})
				var r retrain.Record
				if err := jsonv2.Unmarshal(line, &r); err != nil {
					return retrain.Errorf(retrain.DataValidationError, "a copy: %w", plain(err))
				}
				batch.Records, lines = append(batch.Records, r), rest
			}
			batches = append(batches, batch)
		}
		return nil
	})
	return batches, err
}
