package prep

import (
	"fmt"
	"iter"
	"os"
	"slices"
	"sort"

	"retrain"
)

// A block is a table that was read, with those of its rows that the model learns.
type block struct {
	table *retrain.Table
	first int      // the number of its first accepted row among those of all blocks
	rows  []int32  // where in the table the accepted rows are
	made  []column // [fields], of those that map makes: what it made of the accepted rows

	fields []field // [fields], the others
}

// open finds the fields in the table.
func (b *block) open(names []string) *block {
	r := &reader{table: b.table, fields: map[string]field{}}
	b.fields = make([]field, len(names))
	for i, name := range names {
		b.fields[i] = r.field(name)
	}
	return b
}

// cell returns a field of the i-th accepted row.
func (b *block) cell(field, i int) cell {
	if m := &b.made[field]; m.name != "" {
		return m.at(i)
	}
	return b.fields[field].cell(int(b.rows[i]))
}

// bytes is about how much memory the block takes.
func (b *block) bytes() int64 {
	n := 4 * len(b.rows)
	for i := range b.table.Columns {
		c := &b.table.Columns[i]
		n += sizeOf(c.Cells, c.Numbers, c.Texts)
	}
	for i := range b.made {
		n += sizeOf(b.made[i].kinds, b.made[i].numbers, b.made[i].texts)
	}
	return int64(n)
}

func sizeOf(kinds []retrain.Cell, numbers []float64, texts []string) int {
	n := len(kinds) + 8*len(numbers) + 16*len(texts)
	for _, s := range texts {
		n += len(s)
	}
	return n
}

// A shelf keeps blocks: in memory while there is room, in a file from then on. It is read block by block, from the first to
// the last: another order is possible and slow.
type shelf struct {
	room   *Room
	names  []string // of the fields
	blocks []shelved
	kept   int64 // bytes in memory
	file   *os.File
	end    int64  // of the file
	near   *block // the one that was read from the file last
}

// A shelved block is here, or in the file.
type shelved struct {
	first    int
	here     *block
	at, size int64
}

// put adds a block.
func (s *shelf) put(b *block) error {
	if size := b.bytes(); s.file == nil && s.kept+size <= s.room.memory() {
		s.kept += size
		s.blocks = append(s.blocks, shelved{first: b.first, here: b})
		return nil
	}
	if s.file == nil {
		var err error
		if s.file, err = s.room.file(); err != nil {
			return fmt.Errorf("keep records: %w", err)
		}
	}
	packed := pack(b)
	if _, err := s.file.WriteAt(packed, s.end); err != nil {
		return fmt.Errorf("keep records: %w", err)
	}
	s.blocks = append(s.blocks, shelved{first: b.first, at: s.end, size: int64(len(packed))})
	s.end += int64(len(packed))
	return nil
}

// at returns a block. It may be used until the next one is asked for.
func (s *shelf) at(i int) (*block, error) {
	k := &s.blocks[i]
	if k.here != nil {
		return k.here, nil
	}
	if s.near == nil || s.near.first != k.first {
		packed := make([]byte, k.size)
		if _, err := s.file.ReadAt(packed, k.at); err != nil {
			return nil, fmt.Errorf("read records again: %w", err)
		}
		s.near = unpack(packed, k.first).open(s.names)
	}
	return s.near, nil
}

// all yields the blocks in their order.
func (s *shelf) all() iter.Seq2[*block, error] {
	return func(yield func(*block, error) bool) {
		for i := range s.blocks {
			if b, err := s.at(i); !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// origin returns the table that an accepted row stands in, and where.
func (s *shelf) origin(row int) (*retrain.Table, int, error) {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].first > row }) - 1
	b, err := s.at(i)
	if err != nil {
		return nil, 0, err
	}
	return b.table, int(b.rows[row-b.first]), nil
}

// close gives the memory and the file back.
func (s *shelf) close() {
	if s.file != nil {
		s.file.Close()
	}
	s.blocks, s.near = slices.Delete(s.blocks, 0, len(s.blocks)), nil
}
