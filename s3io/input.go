package s3io

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/klauspost/compress/zstd"

	"retrain"
)

// A Format names how records stand in a file.
type Format string

// The formats that people bring.
const (
	CSV   Format = "csv"   // RFC 4180 with a header; separated by comma, semicolon, tab or bar
	JSONL Format = "jsonl" // one JSON object per line, or one array of them
)

// The memory that unpacking may take: what zstd --long needs.
const widestWindow = 128 << 20

// Read yields the records in a file of a format, which may be packed with gzip or zstd. With an empty format it looks: what
// begins with a brace or a bracket is JSON. It ends after yielding an error; what is wrong with the file is a
// DataValidationError that names the line.
func Read(r io.Reader, f Format) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		in, err := unpacked(r)
		if err != nil {
			yield(nil, err)
			return
		}
		switch {
		case f == "" && isJSON(in), f == JSONL:
			ReadJSONL(in)(yield)
		case f == "", f == CSV:
			ReadCSV(in)(yield)
		default:
			yield(nil, retrain.Errorf(retrain.DataValidationError, "unknown format %q", f).WithHint("csv or jsonl"))
		}
	}
}

// unpacked returns what a reader holds, without gzip or zstd around it and without a byte order mark.
func unpacked(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	head, _ := in.Peek(4) // shorter input is as good as any
	var err error
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		r, err = gzip.NewReader(in)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(head) == 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:], []byte{0x2a, 0x4d, 0x18}):
		r, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), // no goroutine that somebody would have to end
			zstd.WithDecoderMaxWindow(widestWindow))
	default:
		return withoutMark(in), nil
	}
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "packed data: %w", err)
	}
	return withoutMark(bufio.NewReaderSize(r, 1<<16)), nil
}

func withoutMark(in *bufio.Reader) *bufio.Reader {
	mark := []byte("\uFEFF")
	if head, _ := in.Peek(len(mark)); bytes.Equal(head, mark) {
		_, _ = in.Discard(len(mark)) // it was just seen
	}
	return in
}

// isJSON looks at the first byte that is no space.
func isJSON(in *bufio.Reader) bool {
	for n := 1; ; n++ {
		head, err := in.Peek(n)
		if err != nil {
			return false
		}
		if c := head[n-1]; strings.IndexByte(space, c) < 0 {
			return c == '{' || c == '['
		}
	}
}

// patient ends with an error where nobody has called begin for too many bytes: a quote or a bracket that is never closed would
// otherwise take all of a file, or of what it unpacks to, into memory.
type patient struct {
	r    io.Reader
	read int
}

var errTooLong = retrain.Errorf(retrain.DataValidationError, "a row of more than %d MiB", longestLine>>20).WithHint("is there an open quote or bracket?")

func (p *patient) Read(b []byte) (int, error) {
	if p.read > longestLine {
		return 0, errTooLong
	}
	n, err := p.r.Read(b)
	p.read += n
	return n, err
}

// begin says that what was read before is done with.
func (p *patient) begin() { p.read = 0 }

// broken returns the error of a file that is not what it should be, at a line.
func broken(line int, err error) error {
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		return retrain.Errorf(e.Code, "line %d: %s", line, e.Message).WithHint("%s", e.Hint)
	}
	return retrain.Errorf(retrain.DataValidationError, "line %d: %w", line, err)
}
