package s3io

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"retrain"
)

// How many bytes of decoded blocks a process keeps, for those who read the same again: some hundred thousand records.
const keptTables = 64 << 20

// A blockCache keeps decoded blocks, by what they were made from. Its zero value is empty.
type blockCache struct {
	mu     sync.Mutex // guards the following
	tables map[blockKey]*retrain.Table
	bytes  int // of tables, about
}

type blockKey [sha256.Size]byte

// get returns a table, and nil where it is not kept. Its columns are never changed; which it has is the caller's to change.
func (c *blockCache) get(k blockKey) *retrain.Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tables[k]
	if t == nil {
		return nil
	}
	return &retrain.Table{Rows: t.Rows, Columns: slices.Clone(t.Columns)}
}

// keep keeps a table. Where there is no room others go, whichever: whoever reads more than there is room for reads it in the same
// order each time, and would find none if the oldest went.
func (c *blockCache) keep(k blockKey, t *retrain.Table) {
	n := bytesOf(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, is := c.tables[k]; is || n > keptTables/2 {
		return
	}
	for old, table := range c.tables {
		if c.bytes+n <= keptTables {
			break
		}
		delete(c.tables, old)
		c.bytes -= bytesOf(table)
	}
	if c.tables == nil {
		c.tables = make(map[blockKey]*retrain.Table)
	}
	c.tables[k] = &retrain.Table{Rows: t.Rows, Columns: slices.Clone(t.Columns)}
	c.bytes += n
}

// bytesOf returns about how many bytes a table has.
func bytesOf(t *retrain.Table) int {
	n := 0
	for i := range t.Columns {
		c := &t.Columns[i]
		n += len(c.Cells) + 8*len(c.Numbers) + 16*len(c.Texts)
		for _, s := range c.Texts {
			n += len(s)
		}
	}
	return n
}

// key says what a block is made from: the objects, which of their rows, and how they are read.
func (r *legacyReader) key(parts []*part) (k blockKey) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", r.schema.Key, r.schema.ETag, r.name)
	if r.partition != nil {
		fmt.Fprintf(h, " in %#v", *r.partition) // fmt sorts the values by their names
	}
	for _, p := range parts {
		fmt.Fprintf(h, "\n%q %q without %d of %d: ", p.object.Key, p.object.ETag, p.gone, p.header.Records)
		rows := make([]byte, len(p.old))
		for i, old := range p.old {
			if old {
				rows[i] = 1
			}
		}
		h.Write(rows)
	}
	return blockKey(h.Sum(nil))
}
