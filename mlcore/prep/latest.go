package prep

import (
	"cmp"
	"iter"
	"slices"

	"retrain"
)

// Latest returns the records that a forecast of m begins with: as many as its lookback, of those that it learns from, the
// latest in the order of its time. Where no record has the default time field, that is the order of the records. With fewer
// records than the lookback it returns an InsufficientDataError.
func Latest(m retrain.Model, tables iter.Seq2[*retrain.Table, error]) ([]retrain.Record, error) {
	m = m.WithDefaults()
	s, err := newSelection(&retrain.Model{Name: m.Name, Partition: m.Partition, Filter: m.Filter})
	if err != nil {
		return nil, err
	}
	l := latest{selection: s, orderBy: m.ModelConfig.OrderBy, most: m.ModelConfig.Lookback}
	for table, err := range tables {
		if err != nil {
			return nil, err
		}
		for r := range table.Records() {
			if err := l.add(r); err != nil {
				return nil, err
			}
		}
		l.trim()
	}
	if n := len(l.kept); n < l.most {
		return nil, retrain.Errorf(retrain.InsufficientDataError, "a forecast of %q needs the latest %d records, there are %d", m.Name, l.most, n)
	}
	records := make([]retrain.Record, len(l.kept))
	for i, k := range l.kept {
		records[i] = k.record
	}
	return records, nil
}

// A latest keeps the latest records of those that it was given.
type latest struct {
	*selection
	orderBy string
	most    int
	seen    int
	kept    []timed
}

type timed struct {
	at     float64 // Unix seconds, or what the time field counts
	record retrain.Record
}

func (l *latest) add(r retrain.Record) error {
	l.seen++
	if l.partition != nil && !l.partition.In(r) {
		return nil
	}
	ok, err := l.accepts(r.At)
	if err != nil {
		return invalid("%s: %w", recordName(r.ID(), l.seen-1), err)
	}
	at, known := timeOf(r.At(l.orderBy))
	if !ok || !known && l.orderBy != defaultOrder {
		return nil // a training leaves it out, or refuses it
	}
	l.kept = append(l.kept, timed{at, r})
	return nil
}

// trim sorts what is kept, ties in the order of their records, and forgets what is too old.
func (l *latest) trim() {
	slices.SortStableFunc(l.kept, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	l.kept = slices.Delete(l.kept, 0, max(0, len(l.kept)-l.most))
}

// timeOf returns a date or a number as a number.
func timeOf(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		if date, ok := ParseDate(v); ok {
			return seconds(date), true
		}
	}
	return 0, false
}
