package s3io

import (
	"bufio"
	"encoding/csv"
	"io"
)

// Header returns the names of a CSV file's columns, in their order, or a DataValidationError.
func Header(r io.Reader) ([]string, error) {
	text, err := unpacked(r)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(withoutMark(text), 1<<16)
	rows := csv.NewReader(in)
	rows.Comma = separator(in)
	return header(rows)
}
