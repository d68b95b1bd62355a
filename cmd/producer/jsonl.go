package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"

	"retrain"
)

// maxLine is the most that one record may have as JSON.
const maxLine = 16 << 20

// readJSON yields the records of a JSONL text, or of one JSON list.
func readJSON(text *bufio.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		skipBOM(text)
		if isList(text) {
			readList(text, yield)
			return
		}
		lines := bufio.NewScanner(text)
		lines.Buffer(nil, maxLine)
		n := 0
		for lines.Scan() {
			n++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			record, err := jsonRecord(lines.Bytes())
			if !yield(row{n, record}, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(row{line: n + 1}, err)
		}
	}
}

// isList reports whether the first thing that is no space is a bracket.
func isList(text *bufio.Reader) bool {
	head, _ := text.Peek(text.Size())
	return bytes.HasPrefix(bytes.TrimSpace(head), []byte("["))
}

func readList(text io.Reader, yield func(row, error) bool) {
	count := &lineCounter{from: text}
	d := json.NewDecoder(count)
	_, err := d.Token() // the bracket that isList saw
	for err == nil && d.More() {
		var raw json.RawMessage
		if err = d.Decode(&raw); err != nil {
			break
		}
		line := count.lineAt(d.InputOffset() - int64(len(raw)))
		record, err := jsonRecord(raw)
		if !yield(row{line, record}, err) || err != nil {
			return
		}
	}
	if err == nil {
		if _, err = d.Token(); err == nil {
			if _, err = d.Token(); errors.Is(err, io.EOF) {
				return
			}
			err = errors.New("something stands behind the list")
		}
	}
	yield(row{line: count.lineAt(d.InputOffset())}, jsonFault(err))
}

// A lineCounter knows in which line each byte stood that it passed on, from the last place that it was asked about.
type lineCounter struct {
	from  io.Reader
	ends  []int64 // offsets of the line ends that were not asked about yet
	seen  int64
	lines int
}

func (c *lineCounter) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	for i, char := range b[:n] {
		if char == '\n' {
			c.ends = append(c.ends, c.seen+int64(i))
		}
	}
	c.seen += int64(n)
	return n, err
}

// lineAt returns the line of an offset, from 1; offsets must not go back.
func (c *lineCounter) lineAt(offset int64) int {
	for len(c.ends) > 0 && c.ends[0] < offset {
		c.ends, c.lines = c.ends[1:], c.lines+1
	}
	return c.lines + 1
}

func jsonRecord(b []byte) (retrain.Record, error) {
	var record retrain.Record
	if err := json.Unmarshal(b, &record); err != nil {
		return nil, jsonFault(err)
	}
	if record == nil {
		return nil, errors.New("a record must be an object, not null")
	}
	switch record["id"].(type) {
	case nil, string, float64, bool: // one that is left out or empty is given when the batch is stored
		return record, nil
	}
	return nil, fmt.Errorf("the id must be text or a number, not %v", record["id"])
}

func jsonFault(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Type == reflect.TypeFor[retrain.Record]() {
			return fmt.Errorf("a record must be an object, not %s", article(kind.Value))
		}
		return fmt.Errorf("%s cannot be kept", kind.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the JSON ends in the middle")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func article(kind string) string {
	if kind == "array" {
		return "a list"
	}
	return "a " + kind
}
