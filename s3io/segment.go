package s3io

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"retrain"
)

// A segment's files are Parquet that any program reads. A field whose values are all numbers is a column of doubles, all booleans
// of booleans, all texts of strings; where kinds are mixed, and for objects and arrays, it's a column of JSON, with every value as
// it was. So a field that was a number and becomes text is widened, and nothing of it is changed. Where a field is null in some
// records, and not absent, a column of booleans beside it says so. What is which stands in the file's metadata under "retrain".

// A segmentMeta says how a segment's file is read.
type segmentMeta struct {
	Format  int         `json:"format"` // 1
	Fields  []fieldMeta `json:"fields"`
	Batches string      `json:"batches"`          // key of the batch table
	To      time.Time   `json:"to"`               // when the last of its batches was inserted
	Main    *fileRef    `json:"main,omitempty"`   // of a copy: what it is one of
	By      []string    `json:"by,omitempty"`     // of a copy: the fields that it is sorted by
	Groups  []groupMeta `json:"groups,omitempty"` // of a copy: what its row groups have
}

// A fieldMeta says in which columns a field is.
type fieldMeta struct {
	Name   string    `json:"name"`
	Column string    `json:"column,omitempty"` // "" where it is nowhere more than null
	Kind   fieldKind `json:"kind,omitempty"`
	Null   string    `json:"null,omitempty"` // column that is true where it is null; "" where it never is
}

// A fieldKind says what a column holds. It is stored: never change a value.
type fieldKind string

const (
	numberField fieldKind = "number"
	boolField   fieldKind = "boolean"
	textField   fieldKind = "text"
	jsonField   fieldKind = "json"
)

// A groupMeta has the first and the last key of a row group: the values of the fields that it is sorted by, nil for none.
type groupMeta struct {
	First []*string `json:"first"`
	Last  []*string `json:"last"`
}

const (
	metaKey     = "retrain"
	posColumn   = "retrain_position" // in a copy: the row in the main file
	groupRows   = 1 << 15            // of a row group
	dictionary  = 128 << 10          // bytes; a column with more different values has none
	statistics  = 32                 // bytes of a text in a file's own statistics, which we do not read
	plainColumn = `^[A-Za-z][A-Za-z0-9_]{0,62}$`
)

var plainName = regexp.MustCompile(plainColumn)

// A place is a row of one of several frames.
type place struct{ frame, row int32 }

// A frame is rows in memory, with all that is known of them.
type frame = columns

// A shape is rows that are to be written, in the order of the main file.
type shape struct {
	frames []*frame
	picks  []place
	fields []shapeField
	plain  bool // it is not compressed
}

type shapeField struct {
	fieldMeta

	columns []*column // by frame, nil where it does not have the field
	kinds   [cellKinds]int
}

// Places in shapeField.kinds.
const cellKinds = 7

func kindOf(c retrain.Cell) int {
	if c >= nullCell {
		return int(c-nullCell) + int(retrain.JSON) + 1
	}
	return int(c)
}

var kindNames = [cellKinds]string{"missing", "number", "boolean", "text", "json", "null", "exact"}

// newShape finds out which columns the rows need.
func newShape(frames []*frame, picks []place) *shape {
	s := &shape{frames: frames, picks: picks}
	byName := make(map[string]int)
	for i, f := range frames {
		for _, c := range f.all {
			at, ok := byName[c.Name]
			if !ok {
				at = len(s.fields)
				byName[c.Name] = at
				s.fields = append(s.fields, shapeField{fieldMeta: fieldMeta{Name: c.Name}, columns: make([]*column, len(frames))})
			}
			s.fields[at].columns[i] = c
		}
	}
	slices.SortFunc(s.fields, func(a, b shapeField) int { return cmp.Compare(a.Name, b.Name) })
	for i := range s.fields {
		s.fields[i].settle(i, picks)
	}
	s.fields = slices.DeleteFunc(s.fields, func(f shapeField) bool { return f.Column == "" && f.Null == "" })
	return s
}

// settle counts a field's values and chooses its columns.
func (f *shapeField) settle(i int, picks []place) {
	for _, p := range picks {
		if c := f.columns[p.frame]; c != nil {
			f.kinds[kindOf(c.Cells[p.row])]++
		} else {
			f.kinds[retrain.Missing]++
		}
	}
	name := f.Name
	if !plainName.MatchString(name) || name == posColumn {
		name = "field-" + strconv.Itoa(i) // such a name no field has, since it is not plain
	}
	n := func(cells ...retrain.Cell) (n int) {
		for _, c := range cells {
			n += f.kinds[kindOf(c)]
		}
		return n
	}
	all := n(retrain.Number, retrain.Bool, retrain.Text, retrain.JSON, exactCell)
	switch {
	case all == 0:
	case n(retrain.Number) == all:
		f.Column, f.Kind = name, numberField
	case n(retrain.Bool) == all:
		f.Column, f.Kind = name, boolField
	case n(retrain.Text) == all:
		f.Column, f.Kind = name, textField
	default:
		f.Column, f.Kind = name, jsonField
		return // which has nulls too
	}
	if n(nullCell) > 0 {
		f.Null = "null-" + strconv.Itoa(i)
	}
}

// counts returns how many values of which kind each field has.
func (s *shape) counts() map[string]map[string]int {
	all := make(map[string]map[string]int, len(s.fields))
	for _, f := range s.fields {
		kinds := make(map[string]int)
		for k, n := range f.kinds {
			if n > 0 && k != int(retrain.Missing) {
				kinds[kindNames[k]] += n
			}
		}
		all[f.Name] = kinds
	}
	return all
}

func (s *shape) schema(withPosition bool) *parquet.Schema {
	group := parquet.Group{}
	if withPosition {
		group[posColumn] = parquet.Encoded(parquet.Leaf(parquet.Int32Type), &parquet.DeltaBinaryPacked)
	}
	for _, f := range s.fields {
		if f.Null != "" {
			group[f.Null] = parquet.Optional(parquet.Leaf(parquet.BooleanType))
		}
		switch {
		case f.Column == "":
		case f.Kind == numberField:
			group[f.Column] = parquet.Encoded(parquet.Optional(parquet.Leaf(parquet.DoubleType)), &parquet.RLEDictionary)
		case f.Kind == boolField:
			group[f.Column] = parquet.Optional(parquet.Leaf(parquet.BooleanType))
		case f.Kind == textField && f.Name == "id": // all different, and often alike in their beginnings
			group[f.Column] = parquet.Encoded(parquet.Optional(parquet.String()), &parquet.DeltaByteArray)
		case f.Kind == textField:
			group[f.Column] = parquet.Encoded(parquet.Optional(parquet.String()), &parquet.RLEDictionary)
		case f.Kind == jsonField:
			group[f.Column] = parquet.Encoded(parquet.Optional(parquet.JSON()), &parquet.RLEDictionary)
		}
	}
	return parquet.NewSchema("records", group)
}

// encode returns a Parquet file of rows, given as positions in the main file, by row group; and of a copy, how many bytes before its
// end are its metadata in brief.
func (s *shape) encode(meta segmentMeta, groups [][]int32, withPosition bool) (body []byte, brief int64, err error) {
	defer recovered(&err)
	meta.Format = 1
	for _, f := range s.fields {
		meta.Fields = append(meta.Fields, f.fieldMeta)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return nil, 0, err
	}
	schema := s.schema(withPosition)
	var out bytes.Buffer
	options := []parquet.WriterOption{schema, parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault}), parquet.DictionaryMaxBytes(dictionary),
		parquet.ColumnIndexSizeLimit(func([]string) int { return statistics }), parquet.KeyValueMetadata(metaKey, string(text))}
	if s.plain {
		options = append(options, parquet.Compression(&parquet.Uncompressed))
	}
	if meta.Main != nil { // of a copy the footer is read each time: what it says of bounds would be a third of it
		for _, path := range schema.Columns() {
			options = append(options, parquet.SkipPageBounds(path...))
		}
	}
	w := parquet.NewWriter(&out, options...)
	for _, rows := range groups {
		if err := s.encodeGroup(w, schema, rows, withPosition); err != nil {
			return nil, 0, err
		}
		if err := w.Flush(); err != nil {
			return nil, 0, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	if meta.Main == nil {
		return out.Bytes(), 0, nil
	}
	file, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, 0, err
	}
	return withBrief(out.Bytes(), file.Metadata())
}

func (s *shape) encodeGroup(w *parquet.Writer, //nolint:staticcheck // the generic one has rows of a Go type
	schema *parquet.Schema, rows []int32, withPosition bool) error {
	columns := w.ColumnWriters()
	put := func(name string, value func(pos int32) parquet.Value) error {
		leaf, ok := schema.Lookup(name)
		if !ok {
			return fmt.Errorf("the schema has no column %s", name)
		}
		const atOnce = 1024
		values := make([]parquet.Value, 0, atOnce)
		for part := range slices.Chunk(rows, atOnce) {
			values = values[:0]
			for _, pos := range part {
				v, level := value(pos), 0
				if !v.IsNull() && leaf.MaxDefinitionLevel > 0 {
					level = 1
				}
				values = append(values, v.Level(0, level, leaf.ColumnIndex))
			}
			if _, err := columns[leaf.ColumnIndex].WriteRowValues(values); err != nil {
				return err
			}
		}
		return nil
	}
	if withPosition {
		if err := put(posColumn, parquet.Int32Value); err != nil {
			return err
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		if f.Column != "" {
			if err := put(f.Column, func(pos int32) parquet.Value { return f.value(s.picks[pos]) }); err != nil {
				return err
			}
		}
		if f.Null != "" {
			if err := put(f.Null, func(pos int32) parquet.Value { return f.isNull(s.picks[pos]) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *shapeField) isNull(p place) parquet.Value {
	if c := f.columns[p.frame]; c != nil && c.Cells[p.row] == nullCell {
		return parquet.BooleanValue(true)
	}
	return parquet.Value{}
}

// value returns a field of a row as its column has it.
func (f *shapeField) value(p place) parquet.Value {
	c := f.columns[p.frame]
	if c == nil {
		return parquet.Value{}
	}
	cell := c.Cells[p.row]
	switch {
	case cell == retrain.Missing, cell == nullCell && f.Kind != jsonField:
		return parquet.Value{}
	case f.Kind == jsonField:
		return parquet.ByteArrayValue(c.json(int(p.row)))
	case f.Kind == boolField:
		return parquet.BooleanValue(c.Numbers[p.row] != 0)
	case f.Kind == numberField:
		return parquet.DoubleValue(c.Numbers[p.row])
	}
	return parquet.ByteArrayValue([]byte(c.Texts[p.row]))
}

// json returns a value as JSON.
func (c *column) json(row int) []byte {
	switch c.Cells[row] {
	case retrain.Number:
		return []byte(jsontext.Float(c.Numbers[row]).String())
	case retrain.Bool:
		return strconv.AppendBool(nil, c.Numbers[row] != 0)
	case retrain.Text:
		b, _ := jsontext.AppendQuote(nil, c.Texts[row]) // it was read from JSON
		return b
	case retrain.JSON, exactCell:
		return []byte(c.Texts[row])
	}
	return []byte("null")
}
