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

// A part is a batch between the two passes over a snapshot.
type part struct {
	object retrain.DataObject
	header batchHeader
	body   []byte      // packed; nil when there was no room to keep it
	ids    [][2]uint64 // hashes of the rows' ids; only until markOld
	old    []bool      // [rows] replaced by a later row; nil when none is
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

// sortParts puts parts into the order of their insertion.
func sortParts(parts []*part) {
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(a.header.At.Compare(b.header.At), cmp.Compare(a.header.Batch, b.header.Batch))
	})
}

// markOld finds, latest first, the rows whose id comes again later.
func markOld(parts []*part) {
	total := 0
	for _, p := range parts {
		total += len(p.ids)
	}
	seen := make(map[[2]uint64]struct{}, total)
	for _, p := range slices.Backward(parts) {
		for row, id := range slices.Backward(p.ids) {
			before := len(seen)
			if seen[id] = struct{}{}; len(seen) > before {
				continue
			}
			if p.old == nil {
				p.old = make([]bool, len(p.ids))
			}
			p.old[row] = true
			p.gone++
		}
		p.ids = nil
	}
}
