package s3io

import (
	"strconv"
	"strings"

	"retrain"
)

// A pathIn reads the values at a path of some columns' rows, as retrain.Record.At does of a record.
type pathIn struct {
	own, head *column // the field of this name, and that which the path begins with; nil where there is none
	path      string
}

func newPathIn(all []*column, path string) (p pathIn) {
	p.path = path
	head, _, dotted := strings.Cut(path, ".")
	for _, c := range all {
		if c.Name == path {
			p.own = c
		} else if dotted && c.Name == head {
			p.head = c
		}
	}
	return p
}

// value returns a row's value, and nil where it has none.
func (p pathIn) value(row int) any {
	if p.own != nil {
		if v := p.own.value(row); v != nil {
			return v
		}
	}
	if p.head == nil {
		return nil
	}
	return retrain.Record{p.head.Name: p.head.value(row)}.At(p.path)
}

// value returns a row's value as a Table has it.
func (c *column) value(row int) any {
	switch c.Cells[row] {
	case nullCell:
		return nil
	case exactCell:
		n, _ := strconv.ParseFloat(c.Texts[row], 64) // it was parsed when it was read
		return n
	}
	return c.Value(row)
}
