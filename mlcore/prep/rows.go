package prep

import (
	"iter"
	"slices"

	"retrain"
)

// A Row is what a model learns of one record.
type Row struct {
	ID       string         `json:"id"`
	Features map[string]any `json:"features"` // as they are after map; without those that the record lacks
	Target   any            `json:"target"`   // a list where the model has several
}

// Rows yields what m learns of records: of those of its partition that its filter accepts, less those that lack a value where
// that leaves a record out. Its errors are those of Prepare.
func Rows(m retrain.Model, records iter.Seq2[retrain.Record, error]) iter.Seq2[Row, error] {
	m = m.WithDefaults()
	return func(yield func(Row, error) bool) {
		s, err := newSelection(&m)
		if err != nil {
			yield(Row{}, err)
			return
		}
		i := -1
		for record, err := range records {
			i++
			if err != nil {
				yield(Row{}, err)
				return
			}
			row, ok, err := s.row(&m, record)
			if err != nil {
				yield(Row{}, invalid("%s: %w", recordName(record.ID(), i), err))
				return
			}
			if ok && !yield(row, nil) {
				return
			}
		}
	}
}

// row returns what m learns of a record, and false where that is nothing.
func (s *selection) row(m *retrain.Model, record retrain.Record) (Row, bool, error) {
	row := Row{ID: record.ID(), Features: make(map[string]any, len(m.Features))}
	if s.partition != nil && !s.partition.In(record) {
		return row, false, nil
	}
	if ok, err := s.accepts(record.At); !ok || err != nil {
		return row, false, err
	}
	for _, name := range m.Features {
		v, err := s.at(name, record)
		if err != nil {
			return row, false, err
		}
		if v != nil {
			row.Features[name] = v
		}
	}
	targets := make([]any, len(m.Target))
	for i, name := range m.Target {
		v, err := s.at(name, record)
		if err != nil {
			return row, false, err
		}
		targets[i] = v
	}
	if row.Target = any(targets); len(targets) == 1 {
		row.Target = targets[0]
	}
	lacking := slices.Contains(targets, nil) || m.OnMissing == "skip" && len(row.Features) < len(m.Features)
	return row, !lacking, nil
}

// at returns a record's value of a field, or what map makes of it; nil for none.
func (s *selection) at(name string, record retrain.Record) (any, error) {
	for i := range s.maps {
		if s.maps[i].field == name {
			v, err := s.value(&s.maps[i], record.At)
			return v.plain(), err
		}
	}
	return cellOf(record.At(name)).plain(), nil
}

// plain returns the value as a record has it.
func (c cell) plain() any {
	switch c.kind {
	case retrain.Number:
		return c.number
	case retrain.Bool:
		return c.number != 0
	case retrain.Text:
		return c.text
	case retrain.JSON:
		return rawJSON(c.text)
	}
	return nil
}

// A rawJSON is an object or array that is written as it was read.
type rawJSON string

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }
