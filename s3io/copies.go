package s3io

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"retrain"
	"retrain/s3io/s3db"
)

// copies is what a process knows of the copies of one resource. The batches are read once; later only those that others add.
type copies struct {
	bucket Bucket
	place  string
	folder string

	busy       chan struct{} // full while somebody compares the database; guards the following
	held       []heldCopies
	count      int // of batches
	known      map[string]*state
	young      map[string]uint64 // digests of records that may have changed within the second in which they were copied
	generation uint32
	marks      []string           // ids at which ranges of the known ones end
	marked     int                // how many were known when those were chosen
	schema     retrain.DataObject // the last that was kept
}

// A state tells whether a record has changed since it was copied. It is what a listing says, as far as every server says it: the
// ETag alone does not tell, since it is the same for all records that are stored in metadata.
type state struct {
	at   int64
	tag  uint64 // of ETag and size
	seen uint32 // the generation of the last listing that had it
}

// How many records a batch of copies has.
const copiedRows = blockRows

var tagSeed = maphash.MakeSeed()

type tagged struct {
	etag ETag
	size int64
}

func stateOf(at int64, e ETag, size int64) state {
	return state{at: at, tag: maphash.Comparable(tagSeed, tagged{e, size})}
}

func newCopies(b Bucket, place, folder string) *copies {
	return &copies{bucket: b, place: place, folder: folder, busy: make(chan struct{}, 1), known: make(map[string]*state), young: make(map[string]uint64)}
}

// heldCopies is an object with batches that follow one another.
type heldCopies struct {
	retrain.DataObject

	first, last int // numbers of its batches
	rows        int
}

// batchID is the id of a batch by its number.
func (c *copies) batchID(number int) string { return fmt.Sprintf("%s-%010d", c.place, number) }

func (c *copies) batchKey(number int) string {
	return fmt.Sprintf("%s%010d%s", c.folder, number, batchSuffix)
}

// load reads the batches that were added since it was last called, by whomever.
func (c *copies) load(ctx context.Context) error {
	if c.count == 0 {
		packs, err := c.packs(ctx)
		if err == nil {
			err = c.read(ctx, packs)
		}
		if err != nil {
			return err
		}
	}
	var added []heldCopies
	for o, err := range c.bucket.List(ctx, Listing{Prefix: c.folder, After: c.batchKey(c.count)}) {
		if err != nil {
			return err
		}
		if n := c.count + len(added) + 1; o.Key == c.batchKey(n) {
			added = append(added, heldCopies{DataObject: retrain.DataObject{Key: o.Key, ETag: string(o.ETag), Batch: c.batchID(n)}, first: n, last: n})
		}
	}
	return c.read(ctx, added)
}

// read learns what objects have.
func (c *copies) read(ctx context.Context, list []heldCopies) error {
	log := &Records{Bucket: c.bucket}
	fetch := func(ctx context.Context, i int) ([]byte, error) { return log.fetch(ctx, list[i].DataObject) }
	i := 0
	for body, err := range inOrder(ctx, len(list), fetches, fetch) {
		if err != nil {
			return err
		}
		h := list[i]
		p := &part{object: h.DataObject}
		err := p.lines(body, func(b batchHeader, lines []byte) error {
			h.rows = b.Records
			return c.learn(lines)
		})
		if err != nil {
			return err
		}
		c.add(h)
		i++
	}
	return nil
}

func (c *copies) add(h heldCopies) { c.held, c.count = append(c.held, h), h.last }

func (c *copies) learn(lines []byte) error {
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		var s stored
		if err := jsonv2.Unmarshal(line, &s); err != nil {
			return retrain.Errorf(retrain.DataValidationError, "a copy: %w", plain(err))
		}
		c.know(&s)
	}
	return nil
}

// know notes the latest state of a record.
func (c *copies) know(s *stored) {
	delete(c.young, s.ID)
	if s.Gone {
		delete(c.known, s.ID)
		return
	}
	st := stateOf(s.At, ETag(s.ETag), s.Size)
	st.seen = c.generation // whoever copied it has seen it
	c.known[s.ID] = &st
	if s.Young {
		c.young[s.ID] = s.digest()
	}
}

// update copies what is new, changed or gone since the last batch.
func (c *copies) update(ctx context.Context, from *legacy) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	changed, err := c.changes(ctx, from)
	if err != nil {
		return err
	}
	// Records come in the order in which they were written.
	slices.SortFunc(changed, func(a, b ObjectInfo) int {
		return cmp.Or(a.LastModified.Compare(b.LastModified), cmp.Compare(a.Key, b.Key))
	})
	for len(changed) > 0 {
		n := min(copiedRows, len(changed))
		batch, err := c.fetch(ctx, from, changed[:n])
		if err != nil {
			return err
		}
		if err := c.append(ctx, batch); errors.Is(err, retrain.ConflictError) {
			if err := c.load(ctx); err != nil { // somebody else copies too: what he has done need not be done again
				return err
			}
			changed = slices.DeleteFunc(changed, func(o ObjectInfo) bool { return !c.changed(from, &o) })
			continue
		} else if err != nil {
			return err
		}
		changed = changed[n:]
	}
	if err := c.bury(ctx); err != nil {
		return err
	}
	return c.pack(ctx)
}

func (l *legacy) id(key string) string { return strings.TrimPrefix(key, s3db.DataKey(l.name)) }

// changed reports whether a listed record has to be fetched, and notes that it exists.
func (c *copies) changed(from *legacy, o *ObjectInfo) bool {
	id := from.id(o.Key)
	is, known := c.known[id]
	if known {
		is.seen = c.generation
	}
	_, young := c.young[id]
	lists := stateOf(o.LastModified.Unix(), o.ETag, o.Size)
	return !known || young || is.at != lists.at || is.tag != lists.tag
}

// append writes the next batch, or returns a ConflictError where somebody else has.
func (c *copies) append(ctx context.Context, list []*stored) error {
	if len(list) == 0 {
		return nil
	}
	n := c.count + 1
	o := retrain.DataObject{Key: c.batchKey(n), Batch: c.batchID(n)}
	b := retrain.Batch{ID: o.Batch} // without a time: the number says which is later
	for _, s := range list {
		b.Records = append(b.Records, s.record())
	}
	object, err := encodeBatch(b)
	if err != nil {
		return err
	}
	e, err := c.bucket.Put(ctx, o.Key, object, IfAbsent)
	if err != nil {
		return err
	}
	o.ETag = string(e)
	for _, s := range list {
		c.know(s)
	}
	c.add(heldCopies{o, n, n, len(list)})
	return nil
}

// bury notes which records are no longer listed.
func (c *copies) bury(ctx context.Context) error {
	var gone []*stored
	for id, st := range c.known {
		if st.seen != c.generation {
			gone = append(gone, &stored{ID: id, Gone: true})
		}
	}
	slices.SortFunc(gone, func(a, b *stored) int { return strings.Compare(a.ID, b.ID) })
	for part := range slices.Chunk(gone, copiedRows) {
		if err := c.append(ctx, part); errors.Is(err, retrain.ConflictError) {
			return nil // somebody else copies too; what is still there to be noted is at the next time
		} else if err != nil {
			return err
		}
	}
	return nil
}

// keepSchema stores s3db.json as it is now.
func (c *copies) keepSchema(ctx context.Context, schema []byte) (retrain.DataObject, error) {
	sum := sha256.Sum256(schema)
	o := retrain.DataObject{Key: c.folder + hex.EncodeToString(sum[:16]) + ".json"}
	if o.Key == c.schema.Key {
		return c.schema, nil
	}
	e, err := c.bucket.Put(ctx, o.Key, schema, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		_, e, err = c.bucket.Get(ctx, o.Key)
	}
	if err != nil {
		return o, err
	}
	o.ETag = string(e)
	c.schema = o
	return o, nil
}
