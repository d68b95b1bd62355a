package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"

	"retrain"
)

// readCSV yields the rows of a CSV text with a header. The separator is told from the header: comma, semicolon, tab or bar.
func readCSV(text *bufio.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		skipBOM(text)
		r := csv.NewReader(text)
		r.Comma = separator(text)
		r.ReuseRecord = true
		header, err := readHeader(r)
		if err != nil {
			yield(row{line: 1}, err)
			return
		}
		for {
			cells, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				line, err := csvFault(err, len(header), len(cells))
				yield(row{line: line}, err)
				return
			}
			line, _ := r.FieldPos(0)
			if !yield(row{line, csvRecord(header, cells)}, nil) {
				return
			}
		}
	}
}

func skipBOM(text *bufio.Reader) {
	if b, _ := text.Peek(3); bytes.Equal(b, []byte("\ufeff")) {
		_, _ = text.Discard(3) // they were just seen
	}
}

// separator returns the one that the first line has most of.
func separator(text *bufio.Reader) rune {
	head, _ := text.Peek(text.Size()) // an error is met again by who reads
	head, _, _ = bytes.Cut(head, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t|" {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func readHeader(r *csv.Reader) ([]string, error) {
	cells, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("there is no header: the first line must name the columns")
	}
	if err != nil {
		_, err := csvFault(err, 0, 0)
		return nil, err
	}
	header := make([]string, len(cells))
	seen := make(map[string]bool)
	for i, cell := range cells {
		header[i] = strings.TrimSpace(cell)
		switch name := header[i]; {
		case name == "":
			return nil, fmt.Errorf("column %d has no name", i+1)
		case seen[name]:
			return nil, fmt.Errorf("two columns are named %q", name)
		default:
			seen[name] = true
		}
	}
	return header, nil
}

// csvFault says what is wrong with a row, and returns the line where it begins.
func csvFault(err error, want, got int) (int, error) {
	fault, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return 0, err
	}
	if errors.Is(fault.Err, csv.ErrFieldCount) {
		return fault.StartLine, fmt.Errorf("%d fields, but the header has %d", got, want)
	}
	if fault.Line != fault.StartLine {
		return fault.StartLine, fmt.Errorf("%w, in line %d", fault.Err, fault.Line)
	}
	return fault.StartLine, fault.Err
}

func csvRecord(header, cells []string) retrain.Record {
	record := make(retrain.Record, len(cells))
	for i, cell := range cells {
		v := csvValue(cell)
		switch {
		case v == nil:
		case header[i] == "id": // as it stands there: 1e3 and 1000 are two ids
			record["id"] = strings.TrimSpace(cell)
		default:
			record[header[i]] = v
		}
	}
	return record
}

// A number as JSON has it. What has leading zeros is a code of some kind, not a number.
var number = regexp.MustCompile(`^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// csvValue returns a cell as a number, a boolean or text, and nil for an empty one.
func csvValue(cell string) any {
	switch text := strings.TrimSpace(cell); {
	case text == "":
		return nil
	case text == "true", text == "TRUE", text == "True":
		return true
	case text == "false", text == "FALSE", text == "False":
		return false
	case number.MatchString(text):
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return cell
}
