package s3io

import (
	"context"
	"errors"
	"slices"

	"retrain"
)

// load reads what the step is about.
func (c *compaction) load(ctx context.Context) error {
	if err := c.loadLog(ctx); err != nil {
		return err
	}
	for _, i := range c.merge {
		if err := c.loadSegment(ctx, &c.view.Segments[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.entries, func(a, b *entry) int { return a.compare(&b.batchHead) })
	return nil
}

func (c *compaction) loadLog(ctx context.Context) error {
	taken := c.take
	c.take = nil
	fetch := func(ctx context.Context, i int) ([]byte, error) {
		return c.fetch(ctx, retrain.DataObject{Key: taken[i].Key, ETag: string(taken[i].ETag)})
	}
	i := 0
	for body, err := range inOrder(ctx, len(taken), fetches, fetch) {
		if errors.Is(err, retrain.NotFoundError) { // somebody else has absorbed it
			return retrain.Errorf(retrain.ConflictError, "%w", err)
		} else if err != nil {
			return err
		}
		o := &taken[i]
		i++
		f, entries, err := c.frame(o, body)
		if errors.Is(err, retrain.DataValidationError) {
			c.warn(ctx, "an object of the log is damaged: it is left where it is", "key", o.Key, "err", err)
			continue
		} else if err != nil {
			return err
		}
		c.frames, c.entries = append(c.frames, f), append(c.entries, entries...)
		c.take, c.bodies = append(c.take, *o), append(c.bodies, body)
		c.packed.Objects = append(c.packed.Objects, packedObject{Name: o.Key[len(logKey(c.resource.Name)):], ETag: o.ETag, Size: int64(len(body)), Batches: o.use})
		c.absorbed += len(o.use)
	}
	if len(c.take) == 0 && len(taken) > 0 {
		c.merge = nil
	}
	return nil
}

// frame decodes an object of the log.
func (c *compaction) frame(o *logObject, body []byte) (*frame, []*entry, error) {
	var f *frame
	p := &part{object: retrain.DataObject{Key: o.Key}}
	err := p.lines(body, func(h batchHeader, lines []byte) error {
		f = newColumns(h.Records)
		f.exact = true
		p.header = h
		if err := f.addLines(lines, h.Records, nil); err != nil || h.Records == 0 {
			return err
		}
		ids := f.ids()
		for row := range h.Records {
			if ids == nil {
				return atRecord(row, errNoID)
			}
			if _, ok := hashID(ids, row); !ok {
				return atRecord(row, errNoID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var entries []*entry
	first := 0
	for _, b := range p.header.Batches {
		if slices.ContainsFunc(o.use, func(u batchHead) bool { return u.ID == b.ID }) {
			e := &entry{segmentBatch: segmentBatch{b, c.view.Absorbed + 1}, young: true}
			for row := range b.Records {
				e.places = append(e.places, place{int32(len(c.frames)), int32(first + row)})
			}
			entries = append(entries, e)
		}
		first += b.Records
	}
	return f, entries, nil
}

var errNoID = errors.New("it has no id")

// loadSegment reads the rows of a segment that hold, and its deletions.
func (c *compaction) loadSegment(ctx context.Context, s *segmentEntry) error {
	table, err := c.batchTable(ctx, s.Batches.Key)
	if err != nil {
		return err
	}
	places := make([]place, 0, s.Rows)
	var without bitset
	if s.Rows > 0 {
		file, err := c.openSegment(ctx, s.object(nil))
		if err != nil {
			return err
		}
		without = file.without
		read := func(ctx context.Context, group int) (*frame, error) {
			f, _, err := file.read(ctx, group, true, false)
			return f, err
		}
		for f, err := range inOrder(ctx, len(file.first), decodes, read) {
			if err != nil {
				return err
			}
			for row := range f.rows {
				places = append(places, place{int32(len(c.frames)), int32(row)})
			}
			c.frames = append(c.frames, f)
		}
	}
	pos := 0
	for _, b := range table {
		if pos+b.Records > len(places) {
			return inObject(s.Main.Key, retrain.Errorf(retrain.DataValidationError, "it has fewer rows than its batches"))
		}
		e := &entry{segmentBatch: b}
		for i := range b.Records {
			if b.Gone || !without.has(pos+i) {
				e.places = append(e.places, places[pos+i])
			}
		}
		pos += b.Records
		c.entries = append(c.entries, e)
	}
	return nil
}

// id returns the hashes of the id in a row.
func (c *compaction) id(ids []*column, p place) [2]uint64 {
	h, _ := hashID(ids[p.frame], int(p.row)) // it was looked at when it was read
	return h
}

// resolve finds the latest state of each record: among the rows that were read, and between them and the other segments.
func (c *compaction) resolve(ctx context.Context) error {
	ids := make([]*column, len(c.frames))
	for i, f := range c.frames {
		ids[i] = f.ids()
	}
	total := 0
	for _, e := range c.entries {
		total += len(e.places)
	}
	seen := make(map[[2]uint64]struct{}, total)
	young := make(map[[2]uint64]*entry)
	horizon := c.began.Add(-c.Tuning.withDefaults().Packs)
	for _, e := range slices.Backward(c.entries) {
		for _, p := range slices.Backward(e.places) {
			id := c.id(ids, p)
			before := len(seen)
			if seen[id] = struct{}{}; len(seen) == before {
				continue
			}
			e.keep = append(e.keep, p)
			if e.young {
				young[id] = e
			}
		}
		slices.Reverse(e.keep)
		if e.Gone && !e.young && !e.At.After(horizon) { // what was deleted is long out of the way
			e.keep = nil
		}
	}
	if len(young) == 0 {
		return nil
	}
	for i := range c.view.Segments {
		if !slices.Contains(c.merge, i) && c.view.Segments[i].Rows > 0 {
			if err := c.compareWith(ctx, i, young); err != nil {
				return err
			}
		}
	}
	for _, e := range c.entries { // those that turned out to be late, and older
		if e.young {
			e.keep = slices.DeleteFunc(e.keep, func(p place) bool { return young[c.id(ids, p)] != e })
		}
	}
	return nil
}

// compareWith finds the rows of another segment that are replaced, and takes those out of young that are older than its rows.
func (c *compaction) compareWith(ctx context.Context, i int, young map[[2]uint64]*entry) error {
	s := &c.view.Segments[i]
	file, err := c.openSegment(ctx, s.object(nil))
	if err != nil {
		return err
	}
	table, err := c.batchTable(ctx, s.Batches.Key)
	if err != nil {
		return err
	}
	starts := startsOf(table)
	set := slices.Clone(file.without)
	changed := false
	err = c.eachID(ctx, file, func(pos int, id [2]uint64) {
		e, ok := young[id]
		if !ok {
			return
		}
		if table[batchAt(starts, pos)].compare(&e.batchHead) > 0 {
			delete(young, id)
		} else if !set.has(pos) {
			set, changed = set.with(pos), true
		}
	})
	if changed {
		c.without[i] = set
	}
	return err
}
