package prep

import (
	"iter"
	"math"
	"strings"

	"retrain"
)

// A column holds one field of the accepted rows of a table.
type column struct {
	name    string
	kinds   []retrain.Cell
	numbers []float64 // as long as kinds once there is a number
	texts   []string  // as long as kinds once there is a text
}

func (c *column) add(v cell) {
	c.kinds = append(c.kinds, v.kind)
	if c.numbers != nil || v.kind == retrain.Number || v.kind == retrain.Bool {
		c.numbers = append(padded(c.numbers, len(c.kinds)-1), v.number)
	}
	if c.texts != nil || v.kind == retrain.Text || v.kind == retrain.JSON {
		c.texts = append(padded(c.texts, len(c.kinds)-1), v.text)
	}
}

// padded returns s with at least n elements.
func padded[T any](s []T, n int) []T {
	if len(s) < n {
		s = append(s, make([]T, n-len(s))...)
	}
	return s
}

func (c *column) at(row int) cell {
	v := cell{kind: c.kinds[row]}
	switch v.kind {
	case retrain.Number, retrain.Bool:
		v.number = c.numbers[row]
	case retrain.Text, retrain.JSON:
		v.text = c.texts[row]
	}
	return v
}

// A gathering is what a model needs of the records that it learns.
type gathering struct {
	shelf
	index map[string]int // of the fields
	has   []bool         // [fields], whether an accepted row has it
	ids   []uint64       // of the accepted rows, hashed; 0 where there is none
	rows  int            // accepted
	read  int            // records, accepted or not
}

// gather reads the tables and keeps their accepted rows.
func gather(s *selection, room *Room, fields []string, tables iter.Seq2[*retrain.Table, error]) (*gathering, error) {
	g := &gathering{shelf: shelf{room: room}, index: make(map[string]int)}
	for _, f := range fields {
		if _, ok := g.index[f]; !ok {
			g.index[f] = len(g.names)
			g.names = append(g.names, f)
		}
	}
	g.has = make([]bool, len(g.names))
	for t, err := range tables {
		if err == nil {
			err = g.addTable(s, t)
		}
		if err != nil {
			g.close()
			return nil, err
		}
	}
	return g, nil
}

// record names an accepted row in errors.
func (g *gathering) record(row int) string {
	t, at, err := g.origin(row)
	if err != nil {
		return recordName("", row)
	}
	return recordName(recordID(t, at), row)
}

func recordID(t *retrain.Table, row int) string {
	c := t.Column("id")
	if c != nil && c.Cells[row] == retrain.Text {
		return c.Texts[row]
	}
	return retrain.Record{"id": c.Value(row)}.ID()
}

// addTable adds the accepted rows of one table.
func (g *gathering) addTable(s *selection, t *retrain.Table) error {
	b := (&block{table: t, first: g.rows, made: make([]column, len(g.names))}).open(g.names)
	r := &reader{table: t, fields: map[string]field{}}
	at := r.at
	for r.row = range t.Rows {
		g.read++
		ok, err := s.takes(r, at)
		if err != nil {
			return invalid("%s: %w", recordName(recordID(t, r.row), g.read-1), err)
		}
		if !ok {
			continue
		}
		id := recordID(t, r.row)
		if err := g.mapRow(s, b, at); err != nil {
			return invalid("%s: %w", recordName(id, g.rows), err)
		}
		if g.rows == math.MaxInt32 {
			return invalid("more than %d rows cannot be learnt at once", g.rows).WithHint("filter, or a partition, leaves some of them out")
		}
		b.rows, g.ids, g.rows = append(b.rows, int32(r.row)), append(g.ids, hashed(id)), g.rows+1
	}
	if len(b.rows) == 0 {
		return nil
	}
	for f := range g.has {
		for i := 0; i < len(b.rows) && !g.has[f]; i++ {
			g.has[f] = b.cell(f, i).kind != retrain.Missing
		}
	}
	return g.put(b)
}

// mapRow computes the mapped fields of a row.
func (g *gathering) mapRow(s *selection, b *block, at func(string) any) error {
	for i := range s.maps {
		field, ok := g.index[s.maps[i].field]
		if !ok {
			continue
		}
		v, err := s.value(&s.maps[i], at)
		if err != nil {
			return err
		}
		b.made[field].name = s.maps[i].field
		b.made[field].add(v)
	}
	return nil
}

// takes reports whether the model learns the reader's row.
func (s *selection) takes(r *reader, at func(string) any) (bool, error) {
	if s.partition != nil && !r.in(s.partition) {
		return false, nil
	}
	return s.accepts(at)
}

// A reader reads fields of a table by their paths, row by row.
type reader struct {
	table  *retrain.Table
	row    int
	fields map[string]field // as they were found
	values retrain.Record   // of the partition's fields
}

// A field is a column, and the members of the objects in another: a path with dots may be either, row by row.
type field struct {
	column *retrain.Column // nil: no record has it
	outer  *retrain.Column // nil: the path has no dots, or no record has such an object
	inner  string          // the path within
}

// field finds a path.
func (r *reader) field(path string) field {
	f, ok := r.fields[path]
	if !ok {
		f.column = r.table.Column(path)
		if first, inner, dotted := strings.Cut(path, "."); dotted {
			f.outer, f.inner = r.table.Column(first), inner
		}
		r.fields[path] = f
	}
	return f
}

// at returns a value of the row as Record.At does.
func (r *reader) at(path string) any { return r.field(path).value(r.row) }

// in reports whether the row belongs to the partition.
func (r *reader) in(p *retrain.PartitionRef) bool {
	if r.values == nil {
		r.values = make(retrain.Record)
	}
	for path := range p.Values {
		r.values[path] = r.at(path)
	}
	return p.In(r.values)
}

// value returns the field of a row as Record.At does: a column whose name has the dots in it comes first.
func (f field) value(row int) any {
	v := f.column.Value(row)
	if v != nil || f.outer == nil {
		return v
	}
	object, _ := f.outer.Value(row).(map[string]any)
	return retrain.Record(object).At(f.inner)
}

// cell returns the value without making an interface of it where it stands in a column itself.
func (f field) cell(row int) cell {
	if f.column == nil {
		return cellOf(f.value(row))
	}
	switch kind := f.column.Cells[row]; kind {
	case retrain.Number, retrain.Bool:
		return cell{kind: kind, number: f.column.Numbers[row]}
	case retrain.Text:
		return textCell(f.column.Texts[row])
	case retrain.JSON:
		return cell{kind: kind, text: f.column.Texts[row]}
	}
	return cellOf(f.value(row))
}
