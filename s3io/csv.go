package s3io

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"retrain"
)

// ReadCSV yields the rows of a CSV file (RFC 4180) as records. The first line names the fields and shows what separates them:
// a comma, a semicolon, a tab or a bar. An empty cell is a missing field. Each cell is typed by itself: what JSON would read as
// a number is one, unless a float64 cannot keep it (long ids stay text, as do 007 and +1); true and false, True and TRUE are
// booleans; all else is text. A broken row is a DataValidationError with its line, and the end.
func ReadCSV(r io.Reader) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		long := &patient{r: in}
		rows := csv.NewReader(long)
		rows.Comma = separator(in)
		rows.ReuseRecord = true
		names, err := header(rows)
		if err != nil {
			yield(nil, err)
			return
		}
		for last := 1; ; last, _ = rows.FieldPos(0) {
			long.begin()
			cells, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, brokenRow(last, len(cells), len(names), err))
				return
			}
			record, err := recordOf(names, cells)
			if err != nil {
				line, _ := rows.FieldPos(0)
				yield(nil, broken(line, err))
				return
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

// separator returns the candidate that stands most often in the first line, outside of quotes. The comma is first among equals.
func separator(in *bufio.Reader) rune {
	counts := make(map[byte]int)
	head, _ := in.Peek(in.Size()) // what there is
	quoted := false
	for _, c := range head {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte(";\t|") {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}

func header(rows *csv.Reader) ([]string, error) {
	cells, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, broken(1, retrain.Errorf(retrain.DataValidationError, "the file is empty").WithHint("the first line of a CSV file names its fields"))
	} else if err != nil {
		return nil, brokenRow(0, 0, 0, err)
	}
	names := slices.Clone(cells)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
		switch {
		case names[i] == "":
			return nil, broken(1, fmt.Errorf("field %d of the header has no name", i+1))
		case slices.Contains(names[:i], names[i]):
			return nil, broken(1, fmt.Errorf("the header names %q twice", names[i]))
		case !utf8.ValidString(names[i]):
			return nil, broken(1, errNotUTF8)
		}
	}
	return names, nil
}

var errNotUTF8 = retrain.Errorf(retrain.DataValidationError, "not UTF-8").WithHint("convert the file first: iconv -f latin1 -t utf8")

func recordOf(names, cells []string) (retrain.Record, error) {
	record := make(retrain.Record, len(names))
	for i, cell := range cells {
		if cell == "" {
			continue
		}
		if !utf8.ValidString(cell) {
			return nil, errNotUTF8
		}
		record[names[i]] = typed(cell)
	}
	return record, nil
}

// brokenRow says at which line a row is broken: where an open quote began, not where the file ended. What could not be read at
// all comes after the last row.
func brokenRow(last, fields, want int, err error) error {
	e, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return broken(last+1, err)
	}
	if errors.Is(e.Err, csv.ErrFieldCount) {
		return broken(e.StartLine, fmt.Errorf("%d fields, the header has %d", fields, want))
	}
	if e.Line != e.StartLine { // an open quote has swallowed what follows
		return broken(e.StartLine, e.Err)
	}
	return broken(e.Line, fmt.Errorf("column %d: %w", e.Column, e.Err))
}

// typed returns the number or boolean that a cell is, or else its text.
func typed(cell string) any {
	switch cell {
	case "true", "True", "TRUE":
		return true
	case "false", "False", "FALSE":
		return false
	}
	if n, ok := number(strings.TrimSpace(cell)); ok {
		return n
	}
	return cell
}

// number reads what JSON reads as a number, if a float64 keeps it.
func number(s string) (float64, bool) {
	if !isNumber(s) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	if math.Abs(n) >= 1<<53 && !strings.ContainsAny(s, ".eE") && strconv.FormatFloat(n, 'f', -1, 64) != s {
		return 0, false // a long id, of which digits would be lost
	}
	return n, true
}

// isNumber checks JSON's grammar of numbers: digits without a leading zero, a fraction, an exponent.
func isNumber(s string) bool {
	b := bytes.TrimPrefix([]byte(s), []byte("-"))
	whole := digits(b)
	if whole == 0 || whole > 1 && b[0] == '0' {
		return false
	}
	b = b[whole:]
	if len(b) > 0 && b[0] == '.' {
		n := digits(b[1:])
		if n == 0 {
			return false
		}
		b = b[1+n:]
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		n := digits(b)
		return n > 0 && n == len(b)
	}
	return len(b) == 0
}

// digits returns how many digits b begins with.
func digits(b []byte) int {
	i := 0
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
