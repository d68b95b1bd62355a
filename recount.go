package retrain

import (
	"context"
	"slices"
)

// How many batches are counted at once: what was read for them is read again where somebody dies before.
const countedAtOnce = 1000

// countBatches counts batches that are in no absorption.
func (s *Sweeper) countBatches(ctx context.Context, m *Model, d *Dataset, batches []string) error {
	for some := range slices.Chunk(batches, countedAtOnce) {
		rows, err := s.rowsEach(ctx, m, d, some)
		if err != nil {
			return err
		}
		if err := s.Ledger.CountAll(ctx, m.Name, rows); err != nil {
			return err
		}
	}
	return nil
}

// rowsEach returns how many records of each batch m accepts.
func (s *Sweeper) rowsEach(ctx context.Context, m *Model, d *Dataset, batches []string) (map[string]int, error) {
	rows := make(map[string]int, len(batches))
	archive, ok := s.Source.(Archive)
	if d.From != nil || !ok {
		for _, batch := range batches {
			var err error
			if rows[batch], err = s.rows(ctx, m, *d, batch); err != nil {
				return nil, err
			}
		}
		return rows, nil
	}
	for _, batch := range batches { // of some nothing comes
		rows[batch] = 0
	}
	for b, err := range archive.Came(ctx, d.only(rows)) {
		if err != nil {
			return nil, err
		}
		n, err := s.Accepts(m, slices.Collect(b.Table.Records()))
		if err != nil {
			return nil, err
		}
		rows[b.Batch] += n
	}
	return rows, nil
}

// only returns what of d's objects has some batches, which stand in the log.
func (d *Dataset) only(batches map[string]int) Dataset {
	some := Dataset{Resource: d.Resource}
	for _, o := range d.Objects {
		var asked []string
		for _, b := range append([]string{o.Batch}, o.Batches...) {
			if _, is := batches[b]; is && b != "" {
				asked = append(asked, b)
			}
		}
		if len(asked) > 0 {
			o.Batch, o.Batches = "", asked
			some.Objects = append(some.Objects, o)
		}
	}
	return some
}

// brought returns how many of the records that m accepts each batch of an absorption brought.
func (s *Sweeper) brought(ctx context.Context, m *Model, resource string, n int) (map[string]int, error) {
	archive, ok := s.Source.(Archive)
	if !ok {
		return nil, Errorf(MLError, "resource %s: its source knows no absorptions", resource)
	}
	rows := make(map[string]int)
	for b, err := range archive.Brought(ctx, resource, n) {
		if err != nil {
			return nil, err
		}
		accepted, err := s.Accepts(m, slices.Collect(b.Table.Records()))
		if err != nil {
			return nil, err
		}
		rows[b.Batch] += accepted
	}
	return rows, nil
}

// rows reads one batch and returns how many of its records m accepts.
func (s *Sweeper) rows(ctx context.Context, m *Model, d Dataset, batch string) (int, error) {
	one := Dataset{Resource: d.Resource, From: d.From}
	for _, o := range d.Objects {
		if slices.Contains(o.Batches, batch) {
			o.Batch, o.Batches = "", []string{batch}
		} else if o.Batches != nil || o.Batch != batch && (o.Batch != "" || d.From == nil) {
			continue // another batch, or a segment of our own
		}
		one.Objects = append(one.Objects, o)
	}
	rows := 0
	for table, err := range s.Source.Tables(ctx, one) {
		if err != nil {
			return 0, err
		}
		n, err := s.Accepts(m, slices.Collect(table.Records()))
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, nil
}
