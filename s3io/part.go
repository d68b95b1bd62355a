package s3io

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"

	"retrain"
)

// A part is a log's object between the two passes over a snapshot.
type part struct {
	object retrain.DataObject
	header batchHeader
	body   []byte      // packed; nil when there was no room to keep it
	ids    [][2]uint64 // hashes of the rows' ids; only until markOld
	old    []bool      // [rows] replaced by a later row, a deletion, or of a batch that is not asked for; nil when none is
	gone   int         // how many are
}

func (p *part) rows() int { return p.header.Records - p.gone }

// Two hashes of 64 bits: that two ids of a billion have the same ones is less probable than a broken disk.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// readIDs notes the ids of JSON lines.
func (p *part) readIDs(h batchHeader, lines []byte) error {
	p.header = h
	if h.Records == 0 {
		return nil
	}
	p.ids = make([][2]uint64, 0, h.Records)
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		id, err := lineID(line)
		if err != nil {
			return retrain.Errorf(retrain.DataValidationError, "record %d: %w", len(p.ids)+1, err)
		}
		p.ids = append(p.ids, [2]uint64{maphash.Bytes(seeds[0], id), maphash.Bytes(seeds[1], id)})
	}
	return nil
}

// lineID returns the id in a JSON line as Record.ID does. encodeRecord puts it first.
func lineID(line []byte) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(line, []byte(`{"id":"`)); ok {
		if end := bytes.IndexByte(rest, '"'); end > 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			return rest[:end], nil
		}
	} else if rest, ok := bytes.CutPrefix(line, []byte(`{"id":`)); ok {
		if end := bytes.IndexAny(rest, ",}"); end > 0 && (rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9') {
			return rest[:end], nil
		}
	}
	var r struct {
		ID any `json:"id"`
	}
	if err := jsonv2.Unmarshal(line, &r); err != nil {
		return nil, err
	}
	id := retrain.Record{"id": r.ID}.ID()
	if id == "" {
		return nil, errors.New("it has no id")
	}
	return []byte(id), nil
}

// asked reports whether the snapshot has a batch of the object.
func asked(o *retrain.DataObject, batch string) bool {
	return o.Batches == nil && (o.Batch == "" || o.Batch == batch) || slices.Contains(o.Batches, batch)
}

// asked reports whether the snapshot has a batch of the part. What is said of a part with one batch is about that.
func (p *part) asked(b *batchHead) bool { return len(p.header.Batches) == 1 || asked(&p.object, b.ID) }

// sortParts puts parts into the order of their insertion.
func sortParts(parts []*part) {
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(a.header.At.Compare(b.header.At), cmp.Compare(a.header.Batches[0].ID, b.header.Batches[0].ID))
	})
}

func (p *part) drop(row int) {
	if p.old == nil {
		p.old = make([]bool, p.header.Records)
	}
	if !p.old[row] {
		p.old[row] = true
		p.gone++
	}
}

// A partBatch is a batch within a part.
type partBatch struct {
	*batchHead
	part  *part
	first int // its first row in the part
}

// ordered returns the batches of parts in the order in which they were inserted, by which a later row replaces an earlier one.
func ordered(parts []*part) []partBatch {
	var list []partBatch
	for _, p := range parts {
		first := 0
		for i := range p.header.Batches {
			b := &p.header.Batches[i]
			if p.asked(b) {
				list = append(list, partBatch{b, p, first})
			} else {
				for row := range b.Records {
					p.drop(first + row)
				}
			}
			first += b.Records
		}
	}
	slices.SortStableFunc(list, func(a, b partBatch) int { return a.compare(b.batchHead) })
	return list
}

// compare says which of two batches was inserted later. It is a matter of the batches alone, and of nothing that happened to
// them since.
func (b *batchHead) compare(other *batchHead) int {
	return cmp.Or(b.At.Compare(other.At), cmp.Compare(b.ID, other.ID))
}

// markOld finds, latest first, the rows whose id comes again later, and those that delete. It returns the ids, and calls won, if
// that isn't nil, with the row of each that is the latest.
func markOld(parts []*part, won func(b partBatch, row int)) map[[2]uint64]struct{} {
	total := 0
	for _, p := range parts {
		total += len(p.ids)
	}
	seen := make(map[[2]uint64]struct{}, total)
	for _, b := range slices.Backward(ordered(parts)) {
		for row := b.first + b.Records - 1; row >= b.first; row-- {
			before := len(seen)
			seen[b.part.ids[row]] = struct{}{}
			first := len(seen) > before
			if !first || b.Gone {
				b.part.drop(row)
			}
			if first && won != nil {
				won(b, row)
			}
		}
	}
	return seen
}
