package s3io

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"retrain"
)

// columns builds a table from JSON lines, without a map per record.
type columns struct {
	rows   int // the table's
	row    int // the next to be added
	all    []*column
	quoted map[string]*column // by name, as it is quoted
	exact  bool               // keep what a Table does not tell apart, see column
}

type column struct {
	retrain.Column
	texts map[string]string // the first different ones: categories come again and again
	exact bool              // cells may be nullCell and exactCell
}

// What a cell can also be where records are kept and not only read.
const (
	nullCell  retrain.Cell = 100 + iota // null, and not absent
	exactCell                           // a number that a float64 does not hold as it is written: its text
)

const mostTexts = 256

func newColumns(rows int) *columns { return &columns{rows: rows, quoted: make(map[string]*column)} }

// addLines adds the objects of so many JSON lines, without those that are old.
func (c *columns) addLines(lines []byte, n int, old []bool) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(lines), jsontext.AllowDuplicateNames(true)) // a map has written them
	for line := range n {
		var err error
		if old != nil && old[line] {
			err = dec.SkipValue()
		} else {
			err = c.add(dec)
		}
		if err != nil {
			return atRecord(line, err)
		}
	}
	if dec.PeekKind() != jsontext.KindInvalid {
		return atRecord(n, errNotOneObject)
	}
	return nil
}

var errNotOneObject = errors.New("the line is not one JSON object")

func atRecord(line int, err error) error {
	return retrain.Errorf(retrain.DataValidationError, "record %d: %w", line+1, err)
}

// add reads one object into the next row.
func (c *columns) add(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errNotOneObject
	}
	if _, err := dec.ReadToken(); err != nil { // {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadValue()
		if err != nil {
			return err
		}
		col := c.quoted[string(name)]
		if col == nil {
			if col, err = c.newColumn(name); err != nil {
				return err
			}
		}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := col.set(c.row, value); err != nil {
			return err
		}
	}
	c.row++
	_, err := dec.ReadToken() // }
	return err
}

// newColumn adds a column for a field's name, which is quoted. The same name may be quoted in several ways.
func (c *columns) newColumn(quoted []byte) (*column, error) {
	plain, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return nil, err
	}
	name := string(plain)
	i := slices.IndexFunc(c.all, func(col *column) bool { return col.Name == name })
	if i < 0 {
		i = len(c.all)
		c.all = append(c.all, &column{Column: retrain.Column{Name: name, Cells: make([]retrain.Cell, c.rows)}, texts: make(map[string]string), exact: c.exact})
	}
	c.quoted[string(quoted)] = c.all[i]
	return c.all[i], nil
}

func (c *column) set(row int, v jsontext.Value) error {
	switch v.Kind() {
	case jsontext.KindNull:
		c.Cells[row] = retrain.Missing
		if c.exact {
			c.Cells[row] = nullCell
		}
	case jsontext.KindTrue:
		c.setNumber(row, retrain.Bool, 1)
	case jsontext.KindFalse:
		c.setNumber(row, retrain.Bool, 0)
	case jsontext.KindNumber:
		n, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return err
		}
		if c.exact && !holds(n, v) {
			c.setText(row, exactCell, string(v))
		} else {
			c.setNumber(row, retrain.Number, n)
		}
	case jsontext.KindString:
		text, err := c.unquote(v)
		if err != nil {
			return err
		}
		c.setText(row, retrain.Text, text)
	default:
		c.setText(row, retrain.JSON, string(v))
	}
	return nil
}

// holds reports whether a number says all that its text does.
func holds(n float64, text []byte) bool {
	const always = 15 // so many digits come back from a float64, whatever they are
	return len(text) <= always || jsontext.Float(n).String() == string(text)
}

func (c *column) setNumber(row int, kind retrain.Cell, n float64) {
	if c.Numbers == nil {
		c.Numbers = make([]float64, len(c.Cells))
	}
	c.Cells[row], c.Numbers[row] = kind, n
}

func (c *column) setText(row int, kind retrain.Cell, s string) {
	if c.Texts == nil {
		c.Texts = make([]string, len(c.Cells))
	}
	c.Cells[row], c.Texts[row] = kind, s
}

// unquote returns a string of JSON.
func (c *column) unquote(quoted []byte) (string, error) {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		plain, err := jsontext.AppendUnquote(nil, quoted)
		return string(plain), err
	}
	return c.shared(inner), nil
}

// shared returns a text. Equal ones share their memory, as long as there are few.
func (c *column) shared(text []byte) string {
	if s, ok := c.texts[string(text)]; ok {
		return s
	}
	s := string(text)
	if len(c.texts) < mostTexts {
		c.texts[s] = s
	}
	return s
}

// table returns what was added.
func (c *columns) table() *retrain.Table {
	t := &retrain.Table{Rows: c.rows}
	for _, col := range c.all {
		t.Columns = append(t.Columns, col.Column)
	}
	slices.SortFunc(t.Columns, func(a, b retrain.Column) int { return strings.Compare(a.Name, b.Name) })
	return t
}
