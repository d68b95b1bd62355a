package retrain

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
)

// A Record is one JSON object with an "id". Its values are what encoding/json decodes to: nil, bool, float64, string,
// []any and map[string]any.
type Record map[string]any

// ID returns the record's id as text, and "" where it has none.
func (r Record) ID() string {
	switch id := r["id"].(type) {
	case string:
		return id
	case float64, bool:
		b, _ := json.Marshal(id) // cannot fail for these
		return string(b)
	}
	return ""
}

// A Cell says what one value of a column is.
type Cell uint8

// What a value can be. Objects and arrays are kept as their JSON text.
const (
	Missing Cell = iota // absent or null
	Number
	Bool // its number is 0 or 1
	Text
	JSON
)

// A Column holds one field of all records of a Table. Values of different kinds may stand in one column: a field that was
// a number and became a string is both, row by row. Columns are read by their indexes and never changed once built.
type Column struct {
	Name    string
	Cells   []Cell    // [rows]
	Numbers []float64 // [rows], or nil where no row is a Number or Bool
	Texts   []string  // [rows], or nil where no row is a Text or JSON
}

// A Table is a block of records as columns: what a Source yields and a Fitter learns from.
type Table struct {
	Rows    int
	Columns []Column // sorted by name
}

// Column returns the column with that name, and nil where no record of the table has the field.
func (t *Table) Column(name string) *Column {
	i, ok := slices.BinarySearchFunc(t.Columns, name, func(c Column, name string) int {
		switch {
		case c.Name < name:
			return -1
		case c.Name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &t.Columns[i]
}

// Value returns the value in a row as encoding/json would have decoded it, and nil where it is missing.
func (c *Column) Value(row int) any {
	if c == nil {
		return nil
	}
	switch c.Cells[row] {
	case Number:
		return c.Numbers[row]
	case Bool:
		return c.Numbers[row] != 0
	case Text:
		return c.Texts[row]
	case JSON:
		var v any
		_ = json.Unmarshal([]byte(c.Texts[row]), &v) // it was marshalled by set
		return v
	}
	return nil
}

// Record returns a row as a Record.
func (t *Table) Record(row int) Record {
	r := make(Record, len(t.Columns))
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Cells[row] != Missing {
			r[c.Name] = c.Value(row)
		}
	}
	return r
}

// Records yields the rows as Records.
func (t *Table) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range t.Rows {
			if !yield(t.Record(i)) {
				return
			}
		}
	}
}

// NewTable returns the records as columns.
func NewTable(records []Record) *Table {
	names := make(map[string]int)
	for _, r := range records {
		for name := range r {
			names[name] = 0
		}
	}
	t := &Table{Rows: len(records)}
	for i, name := range slices.Sorted(maps.Keys(names)) {
		names[name] = i
		t.Columns = append(t.Columns, Column{Name: name, Cells: make([]Cell, len(records))})
	}
	for row, r := range records {
		for name, v := range r {
			t.Columns[names[name]].set(row, v)
		}
	}
	return t
}

func (c *Column) set(row int, v any) {
	switch v := v.(type) {
	case nil:
	case float64:
		c.setNumber(row, Number, v)
	case int:
		c.setNumber(row, Number, float64(v))
	case bool:
		n := 0.0
		if v {
			n = 1
		}
		c.setNumber(row, Bool, n)
	case string:
		c.setText(row, Text, v)
	default:
		b, _ := json.Marshal(v) // a decoded JSON value marshals
		c.setText(row, JSON, string(b))
	}
}

func (c *Column) setNumber(row int, kind Cell, n float64) {
	if c.Numbers == nil {
		c.Numbers = make([]float64, len(c.Cells))
	}
	c.Cells[row], c.Numbers[row] = kind, n
}

func (c *Column) setText(row int, kind Cell, s string) {
	if c.Texts == nil {
		c.Texts = make([]string, len(c.Cells))
	}
	c.Cells[row], c.Texts[row] = kind, s
}
