package s3io

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"retrain"
)

// ReadParquet yields the rows of a Parquet file in blocks; key makes the ids of rows that have none, which stay without where it
// is "". Fields of a group become
// columns with dotted names, a list becomes one JSON array. Dates and times become text as JSON has them, decimals numbers. A file
// that is none, or that is damaged, is a DataValidationError, and the end.
func ReadParquet(body []byte, key string) iter.Seq2[*retrain.Table, error] {
	return ReadParquetAt(bytes.NewReader(body), int64(len(body)), key)
}

// ReadParquetAt is ReadParquet for a file of so many bytes that need not be in memory.
func ReadParquetAt(file io.ReaderAt, size int64, key string) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		f, err := openParquet(file, size, key)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.close()
		for {
			t, err := f.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// A parquetFile is read block by block.
type parquetFile struct {
	pages  *pageReader
	key    string
	fields []*parquetField
	groups []parquet.RowGroup // not begun
	rows   parquet.Rows       // of the one that is read; nil before the first
	buffer []parquet.Row
	read   int
}

// openParquet reads a file's schema. The library panics on some damaged files.
func openParquet(r io.ReaderAt, size int64, key string) (f *parquetFile, err error) {
	defer recovered(&err)
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	f = &parquetFile{key: key, pages: &pageReader{file: r}}
	file, err := parquet.OpenFile(f.pages, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, noParquet(err)
	}
	if f.fields, err = parquetFields(file.Schema()); err != nil {
		return nil, err
	}
	f.groups, f.buffer = file.RowGroups(), make([]parquet.Row, max(64, min(blockRows, blockCells/max(1, len(f.fields)))))
	return f, f.pages.read(file, f.fields)
}

// The values of a block at most, unless they are lists: a file may have thousands of columns.
const blockCells = 1 << 20

func noParquet(err error) error {
	if e, ok := errors.AsType[*retrain.Error](err); ok { // the file could not be read, or somebody has said already what is wrong
		return e
	}
	return retrain.Errorf(retrain.DataValidationError, "not a whole Parquet file: %w", err)
}

// recovered makes an error of a panic in the library.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = retrain.Errorf(retrain.DataValidationError, "not a whole Parquet file: %v", p)
	}
}

func (f *parquetFile) close() {
	var err error
	defer recovered(&err)
	if f.rows != nil {
		_ = f.rows.Close() // nothing was written
	}
}

// next returns the next block, or io.EOF.
func (f *parquetFile) next() (t *retrain.Table, err error) {
	defer recovered(&err)
	for {
		if f.rows == nil {
			if len(f.groups) == 0 {
				return nil, io.EOF
			}
			f.rows, f.groups = f.groups[0].Rows(), f.groups[1:]
		}
		n, err := f.rows.ReadRows(f.buffer)
		if n > 0 {
			return f.table(f.buffer[:n])
		}
		if err == nil {
			err = io.ErrNoProgress
		}
		if !errors.Is(err, io.EOF) {
			return nil, noParquet(fmt.Errorf("after row %d: %w", f.read, cmp.Or(f.pages.err, err)))
		}
		if err := f.rows.Close(); err != nil {
			return nil, noParquet(err)
		}
		f.rows = nil
	}
}

// table makes columns of rows.
func (f *parquetFile) table(rows []parquet.Row) (*retrain.Table, error) {
	columns := make([]*column, len(f.fields))
	for i, field := range f.fields {
		columns[i] = &column{Column: retrain.Column{Name: field.name, Cells: make([]retrain.Cell, len(rows))}}
	}
	for row, values := range rows {
		for begin := 0; begin < len(values); {
			i := values[begin].Column()
			end := begin + 1
			for end < len(values) && values[end].Column() == i {
				end++
			}
			if i < 0 || i >= len(f.fields) {
				return nil, noParquet(fmt.Errorf("row %d: a column that the schema does not have", f.read+row+1))
			}
			if err := f.fields[i].set(columns[i], row, values[begin:end]); err != nil {
				return nil, retrain.Errorf(retrain.DataValidationError, "row %d, column %s: %w", f.read+row+1, f.fields[i].name, err)
			}
			begin = end
		}
	}
	t := &retrain.Table{Rows: len(rows)}
	for _, c := range columns {
		t.Columns = append(t.Columns, c.Column)
	}
	slices.SortFunc(t.Columns, func(a, b retrain.Column) int { return strings.Compare(a.Name, b.Name) })
	f.withIDs(t)
	f.read += len(rows)
	return t, nil
}

// withIDs gives ids to the rows that have none.
func (f *parquetFile) withIDs(t *retrain.Table) {
	if f.key == "" {
		return
	}
	at, there := slices.BinarySearchFunc(t.Columns, "id", func(c retrain.Column, name string) int { return strings.Compare(c.Name, name) })
	if !there {
		t.Columns = slices.Insert(t.Columns, at, retrain.Column{Name: "id", Cells: make([]retrain.Cell, t.Rows)})
	}
	ids := &column{Column: t.Columns[at]}
	for row, cell := range ids.Cells {
		if cell == retrain.Missing || cell == retrain.Text && ids.Texts[row] == "" {
			ids.setText(row, retrain.Text, rowID(f.key, f.read+row+1))
		}
	}
	t.Columns[at] = ids.Column
}

// set puts the values that a row has of the field into its column.
func (p *parquetField) set(c *column, row int, values []parquet.Value) error {
	if !p.list {
		return p.setOne(c, row, values[0])
	}
	if len(values) == 1 && values[0].IsNull() { // no list, or an empty one: there is nothing in it to learn from
		return nil
	}
	one := &column{Column: retrain.Column{Cells: make([]retrain.Cell, len(values))}}
	list := make([]any, len(values))
	for i, v := range values {
		if err := p.setOne(one, i, v); err != nil {
			return err
		}
		list[i] = one.Value(i)
	}
	text, err := json.Marshal(list)
	if err == nil {
		c.setText(row, retrain.JSON, string(text))
	}
	return err
}

func (p *parquetField) setOne(c *column, row int, v parquet.Value) error {
	if v.IsNull() {
		return nil
	}
	return p.put(c, row, v)
}
