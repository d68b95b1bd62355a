package s3io

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"retrain"
)

// What a Parquet file may ask for. The library allocates what headers say, and unpacks whatever comes out: a file of some hundred
// bytes could take all memory.
const (
	longestFooter  = 64 << 20
	mostPageBytes  = 1 << 30 // of the pages that are unpacked at the same time, one of each column and its dictionary
	mostPageValues = 1 << 26 // of one page
	mostListValues = 1 << 22 // of one page of a column of lists
	longestHeader  = 8 << 20 // of a page; it may repeat its longest values
	columnWindows  = 64 << 20
)

// checkFooter looks at how long a file's footer says that it is.
func checkFooter(r io.ReaderAt, size int64) error {
	const tail = 8
	b := make([]byte, tail)
	if size < tail+4 {
		return noParquet(fmt.Errorf("%d bytes", size))
	}
	if _, err := r.ReadAt(b, size-tail); err != nil {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(b)); string(b[4:]) == "PAR1" && (n > size-tail-4 || n > longestFooter) {
		return noParquet(fmt.Errorf("a footer of %d bytes in a file of %d", n, size))
	}
	return nil
}

// A pageReader is what the library reads a file through. It fetches each column in long stretches, and looks at the header of every
// page before the library does.
type pageReader struct {
	file   io.ReaderAt
	window int64
	chunks []*pageChunk // by offset; none until the footer is known
	err    error        // what was wrong; the library says other things of it
}

// A pageChunk is a column of a row group.
type pageChunk struct {
	begin, end int64
	codec      format.CompressionCodec
	column     string
	list       bool
	next       int64 // where the next header stands
	dictionary int64 // bytes
	page       int64 // bytes of the largest
	at         int64 // of the window
	window     []byte
	group      *pageGroup
}

// A pageGroup is a row group.
type pageGroup struct{ chunks []*pageChunk }

// read begins to look at pages, by the footer.
func (r *pageReader) read(f *parquet.File, fields []*parquetField) error {
	for _, g := range f.Metadata().RowGroups {
		group := &pageGroup{}
		for i, c := range g.Columns {
			m := &c.MetaData
			begin := m.DataPageOffset
			if m.DictionaryPageOffset != 0 {
				begin = m.DictionaryPageOffset
			}
			if begin < 0 || m.TotalCompressedSize < 0 || begin > f.Size()-m.TotalCompressedSize || i >= len(fields) {
				return noParquet(fmt.Errorf("a column from %d on with %d bytes in a file of %d", begin, m.TotalCompressedSize, f.Size()))
			}
			if m.Codec == format.Lz4Raw || m.Codec == format.Lz4 || m.Codec == format.LZO {
				return retrain.Errorf(retrain.DataValidationError, "column %s is packed with %s", fields[i].name, m.Codec).
					WithHint("write it with zstd, snappy or gzip") // the library mixes up its buffers with LZ4, and never ends when a page is broken
			}
			chunk := &pageChunk{begin: begin, end: begin + m.TotalCompressedSize, codec: m.Codec, column: fields[i].name, list: fields[i].list, next: begin, group: group}
			group.chunks, r.chunks = append(group.chunks, chunk), append(r.chunks, chunk)
		}
	}
	slices.SortFunc(r.chunks, func(a, b *pageChunk) int { return int(max(-1, min(1, a.begin-b.begin))) })
	for i := range r.chunks[:max(0, len(r.chunks)-1)] {
		if r.chunks[i].end > r.chunks[i+1].begin {
			return noParquet(fmt.Errorf("columns %s and %s lie over each other", r.chunks[i].column, r.chunks[i+1].column))
		}
	}
	r.window = min(pieceSize, max(64<<10, columnWindows/int64(max(1, len(fields)))))
	return nil
}

// ReadAt reads from the column that the offset is in, after its pages were looked at.
func (r *pageReader) ReadAt(b []byte, offset int64) (int, error) {
	i, exact := slices.BinarySearchFunc(r.chunks, offset, func(c *pageChunk, at int64) int { return int(max(-1, min(1, c.begin-at))) })
	if !exact {
		i--
	}
	if i < 0 || offset >= r.chunks[i].end {
		return r.file.ReadAt(b, offset)
	}
	n, err := r.chunks[i].readAt(r, b, offset)
	if err != nil && r.err == nil && err != io.EOF { //nolint:errorlint // it is returned so by ourselves
		r.err = err
	}
	return n, err
}

func (c *pageChunk) readAt(r *pageReader, b []byte, offset int64) (int, error) {
	n := min(int64(len(b)), c.end-offset)
	if offset < c.at || offset+n > c.at+int64(len(c.window)) {
		c.at, c.window = offset, make([]byte, min(c.end-offset, max(n, r.window)))
		if got, err := r.file.ReadAt(c.window, offset); got < len(c.window) {
			c.window = nil
			return 0, err
		}
	}
	for c.next < offset+n {
		if err := c.look(r.file); err != nil {
			return 0, err
		}
	}
	copy(b[:n], c.window[offset-c.at:])
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// look reads the next page's header.
func (c *pageChunk) look(file io.ReaderAt) error {
	h, n, err := c.header(file, 1<<10)
	if err != nil { // statistics may be long
		h, n, err = c.header(file, longestHeader)
	}
	if err != nil {
		return noParquet(fmt.Errorf("column %s: a page's header: %w", c.column, err))
	}
	body := c.next + n
	if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > c.end-body {
		return noParquet(fmt.Errorf("column %s: a page of %d bytes, %d unpacked, where %d are left", c.column, h.CompressedPageSize, h.UncompressedPageSize, c.end-body))
	}
	if err := c.weigh(file, h, body); err != nil {
		return err
	}
	c.next = body + int64(h.CompressedPageSize)
	return nil
}

// header reads a header that has so many bytes at most, and returns how many it has.
func (c *pageChunk) header(file io.ReaderAt, most int64) (*format.PageHeader, int64, error) {
	text := make([]byte, min(most, c.end-c.next))
	if n, err := c.from(file).ReadAt(text, c.next); n < len(text) {
		return nil, 0, err
	}
	h := new(format.PageHeader)
	var protocol thrift.CompactProtocol
	in := protocol.NewReaderFromBytes(text)
	err := thrift.NewDecoder(in).Decode(h)
	return h, int64(in.BytesRead()), err
}

// from returns the window, where it has what is asked for, or else the file.
func (c *pageChunk) from(file io.ReaderAt) io.ReaderAt {
	return readerAtFunc(func(b []byte, offset int64) (int, error) {
		if i := offset - c.at; i >= 0 && i+int64(len(b)) <= int64(len(c.window)) {
			return copy(b, c.window[i:]), nil
		}
		return file.ReadAt(b, offset)
	})
}

// weigh adds a page to what the row group needs.
func (c *pageChunk) weigh(file io.ReaderAt, h *format.PageHeader, body int64) error {
	values := int64(h.DataPageHeader.V.NumValues) + int64(h.DataPageHeaderV2.V.NumValues) + int64(h.DictionaryPageHeader.V.NumValues)
	if most := int64(mostPageValues); values > most || c.list && values > mostListValues {
		return tooMuch("column %s: a page of %d values", c.column, values)
	}
	const perValue = 5 // bytes, of an index into a dictionary and a level
	size := int64(h.UncompressedPageSize) + perValue*values
	if h.Type == format.DictionaryPage {
		c.dictionary = size
	} else {
		c.page = max(c.page, size)
	}
	sum := int64(0)
	for _, other := range c.group.chunks {
		sum += other.dictionary + other.page
	}
	if sum > mostPageBytes {
		return tooMuch("its pages take %d MiB at the same time, at column %s", sum>>20, c.column)
	}
	levels := int64(h.DataPageHeaderV2.V.RepetitionLevelsByteLength) + int64(h.DataPageHeaderV2.V.DefinitionLevelsByteLength) // not packed
	packed := io.NewSectionReader(c.from(file), body+max(0, levels), max(0, int64(h.CompressedPageSize)-levels))
	if h.DataPageHeaderV2.Valid && h.DataPageHeaderV2.V.IsCompressed.Valid && !h.DataPageHeaderV2.V.IsCompressed.V {
		return nil
	}
	if err := unpacksTo(packed, c.codec, int64(h.UncompressedPageSize)); err != nil {
		return noParquet(fmt.Errorf("column %s: a page: %w", c.column, err))
	}
	return nil
}

func tooMuch(format string, args ...any) error {
	return retrain.Errorf(retrain.DataValidationError, "a Parquet file that needs too much memory: "+format, args...).
		WithHint("write it with smaller pages, or smaller row groups")
}

// unpacksTo returns an error where more comes out of a page than its header says.
func unpacksTo(packed *io.SectionReader, codec format.CompressionCodec, most int64) error {
	var unpacked io.Reader
	var err error
	switch codec {
	case format.Snappy:
		head := make([]byte, binary.MaxVarintLen64)
		n, _ := packed.ReadAt(head, 0) // a short page has less
		if size, k := binary.Uvarint(head[:n]); k > 0 && size > uint64(most) {
			return fmt.Errorf("snappy: %d bytes, its header says %d", size, most)
		}
		return nil
	case format.Zstd:
		if known := zstdSize(packed); known >= 0 && known <= most {
			return nil // the library unpacks no more than a frame says
		}
		zip, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(widestWindow))
		if err != nil {
			return err
		}
		defer zip.Close()
		unpacked = zip
	case format.Gzip:
		if unpacked, err = gzip.NewReader(packed); err != nil {
			return err
		}
	case format.Brotli:
		unpacked = brotli.NewReader(packed)
	default:
		return nil // not packed, or unpacked into so many bytes at most
	}
	if n, _ := io.Copy(io.Discard, io.LimitReader(unpacked, most+1)); n > most { // what else is wrong the library will say
		return fmt.Errorf("more than %d bytes come out, which its header says", most)
	}
	return nil
}

// zstdSize returns how much the frames say that they unpack to, and -1 where one does not say.
func zstdSize(packed *io.SectionReader) int64 {
	total, offset := int64(0), int64(0)
	head := make([]byte, zstd.HeaderMaxSize)
	for offset < packed.Size() {
		n, _ := packed.ReadAt(head, offset) // a short page has less
		var h zstd.Header
		if err := h.Decode(head[:n]); err != nil || !h.HasFCS || h.Skippable || h.FrameContentSize > mostPageBytes {
			return -1
		}
		total, offset = total+int64(h.FrameContentSize), offset+int64(h.HeaderSize)
		for last := false; !last && offset < packed.Size(); {
			n, _ := packed.ReadAt(head[:3], offset)
			block := uint32(head[0]) | uint32(head[1])<<8 | uint32(head[2])<<16
			if last = block&1 != 0; n < 3 {
				return -1
			}
			size := int64(block >> 3)
			if block>>1&3 == 1 { // one byte, so often
				size = 1
			}
			offset += 3 + size
		}
		if h.HasCheckSum {
			offset += 4
		}
	}
	return total
}
