package s3io

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"retrain"
)

const (
	longestLine = 64 << 20  // more is a file without line ends
	space       = " \t\r\n" // what JSON knows as such
)

// ReadJSONL yields the records of a file with one JSON object per line, or with one array of objects. Empty lines are skipped.
// A line that is no object is a DataValidationError with its number, and the end. An id that a float64 cannot keep becomes text.
func ReadJSONL(r io.Reader) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		if isArray(in) {
			readArray(in)(yield)
			return
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(make([]byte, 0, 1<<16), longestLine)
		n := 0
		for lines.Scan() {
			n++
			line := bytes.Trim(lines.Bytes(), space)
			if len(line) == 0 {
				continue
			}
			record, err := object(line)
			if err != nil {
				yield(nil, broken(n, cmp.Or(lines.Err(), err))) // what could not be read to its end is no broken line
				return
			}
			if !yield(record, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, broken(n+1, err))
		}
	}
}

// isArray reports whether the first byte that is no space is a bracket.
func isArray(in *bufio.Reader) bool {
	if !isJSON(in) {
		return false
	}
	head, _ := in.Peek(in.Buffered())
	return bytes.HasPrefix(bytes.TrimLeft(head, space), []byte("["))
}

// object decodes one JSON object.
func object(text []byte) (retrain.Record, error) {
	var record retrain.Record
	if err := jsonv2.Unmarshal(text, &record); err != nil {
		return nil, plain(err)
	}
	if record == nil {
		return nil, errors.New("it is a JSON null and not an object")
	}
	if id, ok := record["id"].(float64); ok && math.Abs(id) >= 1<<53 { // its digits may be lost
		var exact struct {
			ID jsontext.Value `json:"id"`
		}
		if err := jsonv2.Unmarshal(text, &exact); err != nil {
			return nil, err
		}
		record["id"] = typed(string(exact.ID))
	}
	return record, nil
}

// plain returns what an error of the decoder says about the text, without the Go types that it was decoding into.
func plain(err error) error {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*jsonv2.SemanticError](err); ok && e.JSONPointer == "" {
		return fmt.Errorf("it is a JSON %s and not an object", e.JSONKind)
	}
	return err
}

// readArray yields the objects of an array.
func readArray(r io.Reader) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		long := &patient{r: r}
		lines := &lineCounter{r: long, line: 1}
		dec := jsontext.NewDecoder(lines)
		if _, err := dec.ReadToken(); err != nil { // [
			yield(nil, broken(1, err))
			return
		}
		for dec.PeekKind() == jsontext.KindBeginObject {
			// Peeking has read over the space before the object: count from what is left of the buffer.
			long.begin()
			line := lines.at(dec.InputOffset() + leadingSpace(dec.UnreadBuffer()))
			text, err := dec.ReadValue()
			var record retrain.Record
			if err == nil {
				record, err = object(text)
			}
			if err != nil {
				yield(nil, broken(line, err))
				return
			}
			if !yield(record, nil) {
				return
			}
		}
		if err := end(dec); err != nil {
			yield(nil, broken(lines.at(dec.InputOffset()+leadingSpace(dec.UnreadBuffer())), err))
		}
	}
}

// end reads the array's last bracket, behind which there is nothing.
func end(dec *jsontext.Decoder) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if k := token.Kind(); k != jsontext.KindEndArray {
		return fmt.Errorf("a JSON %s stands in the array, and not an object", k)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the array")
	}
	return nil
}

// leadingSpace returns how many bytes of space, and commas, b begins with.
func leadingSpace(b []byte) int64 { return int64(len(b) - len(bytes.TrimLeft(b, space+","))) }

// A lineCounter knows at which line each byte stands that was read through it and not yet asked for.
type lineCounter struct {
	r    io.Reader
	read int64
	ends []int64 // offsets of the line ends after the last question
	line int     // at the last question
}

func (c *lineCounter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	for i, v := range b[:n] {
		if v == '\n' {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

// at returns the line of an offset, from 1. Offsets must not fall.
func (c *lineCounter) at(offset int64) int {
	for len(c.ends) > 0 && c.ends[0] < offset {
		c.ends = c.ends[1:]
		c.line++
	}
	return c.line
}
