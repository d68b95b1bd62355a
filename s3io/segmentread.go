package s3io

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"retrain"
)

// A segmentFile is a file of a segment that is read, part by part.
type segmentFile struct {
	bucket  Bucket
	object  retrain.DataObject
	meta    segmentMeta
	file    *parquet.File
	parts   *fileParts
	first   []int  // by row group: its first row in the file
	without bitset // rows of the main file that no longer hold
}

// Main files up to this size are read at once; of other files the end, which has the metadata, and then row groups.
const wholeFile = 256 << 10

// openSegment reads a segment's metadata, and which of its rows no longer hold.
func (r *Records) openSegment(ctx context.Context, o retrain.DataObject) (*segmentFile, error) {
	s := &segmentFile{bucket: r.Bucket, object: o, parts: new(fileParts)}
	if err := s.openFile(ctx); err != nil {
		return nil, inObject(o.Key, err)
	}
	first := 0
	for _, g := range s.file.RowGroups() {
		s.first = append(s.first, first)
		first += int(g.NumRows())
	}
	if o.Without != "" {
		var err error
		if s.without, err = r.without(ctx, o.Without); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *segmentFile) openFile(ctx context.Context) (err error) {
	if err := s.fetchEnd(ctx); err != nil {
		return err
	}
	defer recovered(&err)
	s.file, err = parquet.OpenFile(s.parts, s.object.Size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.SkipMagicBytes(true))
	if err != nil {
		return noParquet(err)
	}
	text, _ := s.file.Lookup(metaKey)
	if err := json.Unmarshal([]byte(text), &s.meta); err != nil || s.meta.Format != 1 {
		return retrain.Errorf(retrain.DataValidationError, "no segment, or of another format than 1").WithHint("was it written by a newer Retrain?")
	}
	return nil
}

// fetchEnd reads the metadata, in brief where they are, or the whole file.
func (s *segmentFile) fetchEnd(ctx context.Context) error {
	o := &s.object
	switch end := o.Size - o.Foot; {
	case s.atOnce():
		return s.fetch(ctx, 0, o.Size)
	case o.Brief <= 0 || o.Brief > end:
		return s.fetch(ctx, end, o.Foot)
	default:
		brief, err := s.get(ctx, end-o.Brief, o.Brief)
		if err != nil {
			return err
		}
		text, err := endOf(brief)
		if err == nil && int64(len(text)) > o.Foot+o.Brief {
			err = retrain.Errorf(retrain.DataValidationError, "its metadata in brief are longer than those in full")
		}
		s.parts.add(o.Size-int64(len(text)), text)
		return err
	}
}

// atOnce reports whether the whole file was read when it was opened. Of a copy only some row groups are wanted.
func (s *segmentFile) atOnce() bool {
	return s.object.Foot <= 0 || s.object.Foot > s.object.Size || s.object.Size <= wholeFile && strings.HasSuffix(s.object.Key, "/main.parquet")
}

// footSize returns how many bytes at the end of a Parquet file say what is in it.
func footSize(file []byte) int64 {
	if len(file) < 8 {
		return 0
	}
	return 8 + int64(binary.LittleEndian.Uint32(file[len(file)-8:]))
}

// fetch reads a part of the file, and keeps it.
func (s *segmentFile) fetch(ctx context.Context, offset, n int64) error {
	b, err := s.get(ctx, offset, n)
	if err == nil {
		s.parts.add(offset, b)
	}
	return err
}

// get returns a part of the file as it was.
func (s *segmentFile) get(ctx context.Context, offset, n int64) ([]byte, error) {
	b, e, err := s.bucket.GetRange(ctx, s.object.Key, offset, n)
	switch {
	case errors.Is(err, retrain.NotFoundError):
		return nil, retrain.Errorf(retrain.NotFoundError, "it is gone since the snapshot: %w", err)
	case err != nil:
		return nil, err
	case s.object.ETag != "" && string(e) != s.object.ETag:
		return nil, retrain.Errorf(retrain.DataValidationError, "it was changed since the snapshot")
	case int64(len(b)) != n:
		return nil, retrain.Errorf(retrain.DataValidationError, "it has fewer bytes than it had: %d of %d from %d on", len(b), n, offset)
	}
	return b, nil
}

// fileParts is an io.ReaderAt over those parts of a file that were fetched.
type fileParts struct {
	mu    sync.Mutex // guards the following
	parts []filePart
}

type filePart struct {
	offset int64
	body   []byte
}

func (p *fileParts) add(offset int64, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = append(p.parts, filePart{offset, body})
}

// drop forgets a part.
func (p *fileParts) drop(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parts = slices.DeleteFunc(p.parts, func(part filePart) bool { return part.offset == offset })
}

// ReadAt copies what was fetched.
func (p *fileParts) ReadAt(b []byte, offset int64) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, part := range p.parts {
		if at := offset - part.offset; at >= 0 && at < int64(len(part.body)) {
			if n := copy(b, part.body[at:]); n < len(b) {
				return n, io.EOF
			}
			return len(b), nil
		}
	}
	return 0, fmt.Errorf("%d bytes from %d on are outside of what the metadata says", len(b), offset)
}

// extent returns where a row group stands in the file, or one column of it.
func (s *segmentFile) extent(group int, column string) (offset, n int64) {
	chunks := s.file.Metadata().RowGroups[group].Columns
	offset = -1
	end := int64(0)
	for i := range chunks {
		m := &chunks[i].MetaData
		if column != "" && (len(m.PathInSchema) != 1 || m.PathInSchema[0] != column) {
			continue
		}
		begin := m.DataPageOffset
		if m.DictionaryPageOffset > 0 {
			begin = min(begin, m.DictionaryPageOffset)
		}
		if offset < 0 || begin < offset {
			offset = begin
		}
		end = max(end, begin+m.TotalCompressedSize)
	}
	return max(offset, 0), end - max(offset, 0)
}

// with calls do when a row group is at hand, or one column of it.
func (s *segmentFile) with(ctx context.Context, group int, column string, do func() error) (err error) {
	offset, n := s.extent(group, column)
	if n > 0 && !s.atOnce() {
		if err := s.fetch(ctx, offset, n); err != nil {
			return err
		}
		defer s.parts.drop(offset)
	}
	defer recovered(&err)
	return do()
}

// read decodes a row group: all fields, or the ids alone. Exactly: with what a Table does not tell apart.
func (s *segmentFile) read(ctx context.Context, group int, exact, idsOnly bool) (c *columns, pos []int32, err error) {
	rows := int(s.file.RowGroups()[group].NumRows())
	c = &columns{rows: rows, row: rows, exact: exact}
	only := ""
	if idsOnly {
		i := slices.IndexFunc(s.meta.Fields, func(f fieldMeta) bool { return f.Name == "id" })
		if i < 0 || s.meta.Fields[i].Column == "" {
			return nil, nil, inObject(s.object.Key, retrain.Errorf(retrain.DataValidationError, "it has no ids"))
		}
		only = s.meta.Fields[i].Column
	}
	err = s.with(ctx, group, only, func() error {
		if pos, err = s.positions(group, rows, only != ""); err != nil {
			return err
		}
		for i := range s.meta.Fields {
			f := &s.meta.Fields[i]
			if only != "" && f.Column != only {
				continue
			}
			col := &column{Column: retrain.Column{Name: f.Name, Cells: make([]retrain.Cell, rows)}, texts: make(map[string]string), exact: exact}
			if err := s.decode(group, f, col); err != nil {
				return fmt.Errorf("row group %d, field %q: %w", group, f.Name, err)
			}
			c.all = append(c.all, col)
		}
		return nil
	})
	if err != nil {
		return nil, nil, inObject(s.object.Key, asDamage(err))
	}
	return c, pos, nil
}

// asDamage gives an error of the library its meaning.
func asDamage(err error) error {
	if _, ok := errors.AsType[*retrain.Error](err); ok {
		return err
	}
	return retrain.Errorf(retrain.DataValidationError, "%w", err)
}

// positions returns which rows of the main file a group's are.
func (s *segmentFile) positions(group, rows int, skip bool) ([]int32, error) {
	pos := make([]int32, rows)
	if s.meta.By == nil || skip {
		for i := range pos {
			pos[i] = int32(s.first[group] + i)
		}
		return pos, nil
	}
	return pos, s.each(group, posColumn, rows, func(row int, v parquet.Value) error {
		pos[row] = v.Int32()
		return nil
	})
}

func (s *segmentFile) decode(group int, f *fieldMeta, c *column) error {
	rows := len(c.Cells)
	if f.Column != "" {
		put := map[fieldKind]func(row int, v parquet.Value) error{numberField: c.putNumber, boolField: c.putBool, textField: c.putText,
			jsonField: c.putJSON}[f.Kind]
		if put == nil {
			return retrain.Errorf(retrain.DataValidationError, "kind %q", f.Kind).WithHint("it was written by a newer Retrain")
		}
		if err := s.each(group, f.Column, rows, put); err != nil {
			return err
		}
	}
	if f.Null == "" || !c.exact {
		return nil
	}
	return s.each(group, f.Null, rows, func(row int, v parquet.Value) error {
		if !v.IsNull() && v.Boolean() {
			c.Cells[row] = nullCell
		}
		return nil
	})
}

// each calls put with all values of a column.
func (s *segmentFile) each(group int, name string, rows int, put func(row int, v parquet.Value) error) error {
	leaf, ok := s.file.Schema().Lookup(name)
	if !ok {
		return fmt.Errorf("the file has no column %s", name)
	}
	pages := s.file.RowGroups()[group].ColumnChunks()[leaf.ColumnIndex].Pages()
	defer func() { _ = pages.Close() }() // nothing was written
	values := make([]parquet.Value, 1024)
	row := 0
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("after row %d: %w", row, err)
		}
		in := page.Values()
		for err == nil {
			var n int
			n, err = in.ReadValues(values)
			if row+n > rows {
				return fmt.Errorf("more than %d rows", rows)
			}
			for _, v := range values[:n] {
				if err := put(row, v); err != nil {
					return fmt.Errorf("row %d: %w", row, err)
				}
				row++
			}
		}
		parquet.Release(page)
		if !errors.Is(err, io.EOF) {
			return fmt.Errorf("after row %d: %w", row, err)
		}
	}
	if row != rows {
		return fmt.Errorf("%d rows of %d", row, rows)
	}
	return nil
}

func (c *column) putNumber(row int, v parquet.Value) error {
	if !v.IsNull() {
		c.setNumber(row, retrain.Number, v.Double())
	}
	return nil
}

func (c *column) putBool(row int, v parquet.Value) error {
	if !v.IsNull() {
		n := 0.0
		if v.Boolean() {
			n = 1
		}
		c.setNumber(row, retrain.Bool, n)
	}
	return nil
}

func (c *column) putText(row int, v parquet.Value) error {
	if !v.IsNull() {
		c.setText(row, retrain.Text, c.shared(v.ByteArray()))
	}
	return nil
}

func (c *column) putJSON(row int, v parquet.Value) error {
	if v.IsNull() {
		return nil
	}
	text := jsontext.Value(v.ByteArray())
	if text.Kind() == jsontext.KindInvalid {
		return fmt.Errorf("not JSON: %.40q", text)
	}
	return c.set(row, text)
}

// hashID returns the hashes of a row's id, as readIDs makes them, and false for one without.
func hashID(id *column, row int) ([2]uint64, bool) {
	var text []byte
	switch id.Cells[row] {
	case retrain.Text:
		s := id.Texts[row]
		return [2]uint64{maphash.String(seeds[0], s), maphash.String(seeds[1], s)}, true
	case retrain.Number:
		text, _ = json.Marshal(id.Numbers[row]) // a number that JSON had
	case retrain.Bool:
		text = strconv.AppendBool(nil, id.Numbers[row] != 0)
	case exactCell:
		text = []byte(id.Texts[row])
	default:
		return [2]uint64{}, false
	}
	return [2]uint64{maphash.Bytes(seeds[0], text), maphash.Bytes(seeds[1], text)}, true
}

// ids returns the column of the ids, and nil where there is none.
func (c *columns) ids() *column {
	i := slices.IndexFunc(c.all, func(col *column) bool { return col.Name == "id" })
	if i < 0 {
		return nil
	}
	return c.all[i]
}

// How many segments are opened at once.
const opened = 8

// openSegments opens those of a snapshot's objects that are segments.
func (r *Records) openSegments(ctx context.Context, objects []retrain.DataObject) ([]*segmentFile, error) {
	var files []retrain.DataObject
	for _, o := range objects {
		if isSegment(&o) {
			files = append(files, o)
		}
	}
	return all(ctx, len(files), opened, func(ctx context.Context, i int) (*segmentFile, error) { return r.openSegment(ctx, files[i]) })
}

// table returns the rows of a group that hold, less those whose ids come again, and that are in the partition.
func (s *segmentFile) table(ctx context.Context, group int, again map[[2]uint64]struct{}, p *retrain.PartitionRef) (*retrain.Table, error) {
	c, pos, err := s.read(ctx, group, false, false)
	if err != nil {
		return nil, err
	}
	rows := make([]int, 0, c.rows)
	ids := c.ids()
	for row := range c.rows {
		if s.without.has(int(pos[row])) {
			continue
		}
		if len(again) > 0 {
			if id, ok := hashID(ids, row); ok {
				if _, old := again[id]; old {
					continue
				}
			}
		}
		rows = append(rows, row)
	}
	return partitioned(picked(c.table(), rows), p), nil
}
