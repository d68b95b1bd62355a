package dialect

import (
	"fmt"
	"strings"

	"retrain"
)

// A Question is what a request asks, as records. Without a window each is asked by itself, or, of a time series, all are its
// latest records in the order of time. With a window every so many records are a question of their own.
type Question struct {
	Records []retrain.Record
	Window  int

	style  style
	schema *Schema // unless the style is bare
}

// A style is how predictions are written.
type style int

const (
	bare    style = iota // the values alone
	rows                 // what the version gives, one object for each row; where that is one thing, the values alone
	columns              // the same, one list for each thing
)

// Rows returns how many answers there should be; -1 where the version knows.
func (q *Question) Rows() int {
	if q.Window > 0 {
		return len(q.Records) / q.Window
	}
	return len(q.Records)
}

// A columnTable is a request by columns: each has a value for every record.
type columnTable struct {
	names  []string
	values [][]any // [names][records]
}

// records returns the table's records. null is a missing value.
func (t *columnTable) records() []retrain.Record {
	if len(t.values) == 0 {
		return nil
	}
	records := make([]retrain.Record, len(t.values[0]))
	for i := range records {
		r := make(retrain.Record, len(t.names))
		for j, name := range t.names {
			if v := t.values[j][i]; v != nil {
				r[name] = v
			}
		}
		records[i] = r
	}
	return records
}

// add adds a column, which must be as long as the others.
func (t *columnTable) add(name string, values []any) error {
	if len(t.values) > 0 && len(values) != len(t.values[0]) {
		return invalid("input %q has %d values, %q has %d", short(name), len(values), short(t.names[0]), len(t.values[0]))
	}
	t.names, t.values = append(t.names, name), append(t.values, values)
	return nil
}

// unknown returns the error of an input that the version does not read.
func (s *Schema) unknown(name string) error {
	return invalid("model %q has no input %q", s.Model, short(name)).WithHint("its inputs: %s", strings.Join(s.names(), ", "))
}

// byPosition returns records of values in the order of the fields: a row [fields], or of one field the value itself.
func (s *Schema) byPosition(row any, what string) (retrain.Record, error) {
	values, ok := row.([]any)
	if !ok {
		values = []any{row}
	}
	if len(values) != len(s.Fields) {
		return nil, invalid("%s has %d values, model %q reads %d", what, len(values), s.Model, len(s.Fields)).
			WithHint("in this order: %s; or by name", strings.Join(s.names(), ", "))
	}
	r := make(retrain.Record, len(values))
	for i, v := range values {
		if _, list := v.([]any); list {
			return nil, invalid("%s: %s is a list", what, s.Fields[i].Name)
		}
		if v != nil {
			r[s.Fields[i].Name] = v
		}
	}
	return r, nil
}

// window returns the records of a window given as one value: rows in the order of time, or for one field its values.
func (s *Schema) window(v any, what string) ([]retrain.Record, error) {
	rows, ok := v.([]any)
	if !ok || len(rows) != s.Lookback {
		return nil, s.noWindow(what, len(rows))
	}
	records := make([]retrain.Record, len(rows))
	for i, row := range rows {
		var err error
		if records[i], err = s.byPosition(row, fmt.Sprintf("%s, step %d", what, i+1)); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (s *Schema) noWindow(what string, n int) error {
	return invalid("%s has %d steps, a window of model %q has %d", what, n, s.Model, s.Lookback)
}

// windowByName returns the records of a window whose fields are lists.
func (s *Schema) windowByName(fields map[string]any, what string) ([]retrain.Record, error) {
	records := make([]retrain.Record, s.Lookback)
	for i := range records {
		records[i] = make(retrain.Record, len(fields))
	}
	for name, v := range fields {
		steps, ok := v.([]any)
		if !ok || !s.field(name) {
			continue // an id, say: it is not read
		}
		if len(steps) != s.Lookback {
			return nil, s.noWindow(what+", "+short(name), len(steps))
		}
		for i, v := range steps {
			if one, ok := v.([]any); ok && len(one) == 1 {
				v = one[0]
			}
			if v != nil {
				records[i][name] = v
			}
		}
	}
	return records, nil
}
