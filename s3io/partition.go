package s3io

import (
	"strings"

	"retrain"
)

// partitioned returns the rows of t that are in the partition; nil is all.
func partitioned(t *retrain.Table, p *retrain.PartitionRef) *retrain.Table {
	if p == nil {
		return t
	}
	asked := askedColumns(t, p)
	r := make(retrain.Record, len(asked)) // with nothing in it but what the partition asks for
	var rows []int
	for row := range t.Rows {
		clear(r)
		for _, c := range asked {
			if v := c.Value(row); v != nil { // a path goes on where there is no such field
				r[c.Name] = v
			}
		}
		if p.In(r) {
			rows = append(rows, row)
		}
	}
	return picked(t, rows)
}

// askedColumns returns those columns of t that a partition's paths may lead into.
func askedColumns(t *retrain.Table, p *retrain.PartitionRef) (asked []*retrain.Column) {
	for path := range p.Values {
		head, _, _ := strings.Cut(path, ".")
		for _, name := range []string{path, head} {
			if c := t.Column(name); c != nil {
				asked = append(asked, c)
			}
		}
	}
	return asked
}

// picked returns some rows of t as a table of their own.
func picked(t *retrain.Table, rows []int) *retrain.Table {
	if len(rows) == t.Rows {
		return t
	}
	some := &retrain.Table{Rows: len(rows)}
	for _, c := range t.Columns {
		some.Columns = append(some.Columns,
			retrain.Column{Name: c.Name, Cells: pick(c.Cells, rows), Numbers: pick(c.Numbers, rows), Texts: pick(c.Texts, rows)})
	}
	return some
}

// pick returns the values in some rows, and nil for nil.
func pick[T any](values []T, rows []int) []T {
	if values == nil {
		return nil
	}
	some := make([]T, len(rows))
	for i, row := range rows {
		some[i] = values[row]
	}
	return some
}
