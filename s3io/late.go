package s3io

import (
	"context"
	"sort"
	"time"

	"retrain"
)

// late are rows of the log that may be older than rows of segments: their batches were inserted, by their time, before the last
// that a segment has. They are few: of senders that were slow, or whose clock is.
type late struct {
	segments []*segmentFile
	to       time.Time // the latest of the segments
	rows     map[[2]uint64]lateRow
}

type lateRow struct {
	*batchHead

	drop func() // when it is the older one
}

func newLate(segments []*segmentFile) *late {
	l := &late{segments: segments, rows: make(map[[2]uint64]lateRow)}
	for _, s := range segments {
		if s.meta.To.After(l.to) {
			l.to = s.meta.To
		}
	}
	return l
}

// look notes a row that is the latest of its id in the log.
func (l *late) look(b partBatch, row int) {
	if len(l.segments) > 0 && !b.At.After(l.to) {
		l.rows[b.part.ids[row]] = lateRow{b.batchHead, func() { b.part.drop(row) }}
	}
}

// settle compares late rows with those that segments have of the same ids, and takes the older ones out of latest.
func (l *late) settle(ctx context.Context, r *Records, latest map[[2]uint64]struct{}) error {
	for _, s := range l.segments {
		if !l.concerns(s) {
			continue
		}
		table, err := r.batchTable(ctx, s.meta.Batches)
		if err != nil {
			return err
		}
		starts := startsOf(table)
		err = r.eachID(ctx, s, func(pos int, id [2]uint64) {
			row, ok := l.rows[id]
			if !ok {
				return
			}
			if table[batchAt(starts, pos)].compare(row.batchHead) > 0 { // dropped rows too: what replaced them is later still
				row.drop()
				delete(latest, id)
				delete(l.rows, id)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *late) concerns(s *segmentFile) bool {
	for _, row := range l.rows {
		if !row.At.After(s.meta.To) {
			return true
		}
	}
	return false
}

// startsOf returns the first row of each batch of a segment.
func startsOf(table []segmentBatch) []int {
	starts := make([]int, len(table))
	row := 0
	for i := range table {
		starts[i] = row
		row += table[i].Records
	}
	return starts
}

// batchAt returns the batch whose row stands at a position.
func batchAt(starts []int, pos int) int { return sort.SearchInts(starts, pos+1) - 1 }

// eachID calls do with the id of each row of a segment, by the row's position in the main file.
func (r *Records) eachID(ctx context.Context, s *segmentFile, do func(pos int, id [2]uint64)) error {
	if s.meta.Main != nil { // it is a copy, without the deletions
		main, err := r.openSegment(ctx, s.meta.Main.object())
		if err != nil {
			return err
		}
		s = main
	}
	read := func(ctx context.Context, group int) (*columns, error) {
		c, _, err := s.read(ctx, group, true, true)
		return c, err
	}
	group := 0
	for c, err := range inOrder(ctx, len(s.first), decodes, read) {
		if err != nil {
			return err
		}
		ids := c.ids()
		for row := range c.rows {
			if id, ok := hashID(ids, row); ok {
				do(s.first[group]+row, id)
			}
		}
		group++
	}
	return nil
}

func (f *fileRef) object() retrain.DataObject {
	return retrain.DataObject{Key: f.Key, ETag: string(f.ETag), Size: f.Size, Foot: f.Foot, Brief: f.Brief}
}
