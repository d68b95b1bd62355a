package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"retrain"
	"retrain/s3io"
)

// An input is a text with records in it, which can be read more than once: first to see that all of it is in order, then to
// store it. Nothing of it is held in memory.
type input struct {
	name   string // for messages: the file's, or "stdin"
	format s3io.Format
	path   string
	close  func() error
}

// openInput opens a file, or stdin for "-"; what can be read only once is copied to a temporary file. The format is csv, jsonl, json or parquet; "" is
// told from the name, or else from the text. Whoever opens it closes it.
func openInput(name, format string, stdin io.Reader) (*input, error) {
	in := &input{name: name, path: name, close: func() error { return nil }}
	if name == "-" || name == "" {
		in.name = "stdin"
		if err := in.spool(stdin); err != nil {
			return nil, err
		}
	} else if err := in.locate(name); err != nil {
		return nil, err
	}
	var err error
	in.format, err = formatOf(in.name, format)
	return in, err
}

// locate sees to it that a named file can be read twice: a pipe, or a shell's <(command), is copied.
func (in *input) locate(name string) error {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return unreadable(name, err)
	case info.IsDir():
		return retrain.Errorf(retrain.DataValidationError, "%s is a folder", name)
	case info.Mode().IsRegular():
		return nil
	}
	pipe, err := os.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	defer pipe.Close()
	return in.spool(pipe)
}

func unreadable(name string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return retrain.Errorf(retrain.DataValidationError, "%s: %w", name, err)
}

func (in *input) spool(once io.Reader) error {
	f, err := os.CreateTemp("", "retrain-stdin-")
	if err != nil {
		return err
	}
	in.path, in.close = f.Name(), func() error { return os.Remove(f.Name()) }
	_, err = io.Copy(f, once)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", in.name, err), in.close())
	}
	return err
}

// formatOf returns the format that was said, or that the name tells, "" where the text itself has to tell.
func formatOf(name, given string) (s3io.Format, error) {
	ext := given
	if given == "" {
		bare := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
		ext = strings.ToLower(strings.TrimPrefix(filepath.Ext(bare), "."))
	}
	switch ext {
	case "csv", "tsv":
		return s3io.CSV, nil
	case "jsonl", "json", "ndjson":
		return s3io.JSONL, nil
	case "parquet":
		return s3io.Parquet, nil
	}
	if given != "" {
		return "", usage("--format %s is none of csv, jsonl, json, parquet", given)
	}
	return "", nil
}

// records yields the records from the beginning. It ends with the first error, which is a DataValidationError that names the
// file and the line.
func (in *input) records() iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		f, err := os.Open(in.path)
		if err != nil {
			yield(nil, unreadable(in.name, err))
			return
		}
		defer func() { _ = f.Close() }() // it was read
		if info, err := f.Stat(); err == nil && info.Size() == 0 {
			yield(nil, retrain.Errorf(retrain.DataValidationError, "%s is empty", in.name))
			return
		}
		for r, err := range in.read(f) {
			if err != nil {
				err = fmt.Errorf("%s: %w", in.name, err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (in *input) read(f *os.File) iter.Seq2[retrain.Record, error] {
	if in.format == s3io.Parquet {
		return parquetRecords(f)
	}
	return s3io.Read(f, in.format)
}

// parquetRecords yields the rows of a Parquet file, of which a block is in memory at a time.
func parquetRecords(f *os.File) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		info, err := f.Stat()
		if err != nil {
			yield(nil, err)
			return
		}
		for table, err := range s3io.ReadParquetAt(f, info.Size(), "") {
			if err != nil {
				yield(nil, err)
				return
			}
			for r := range table.Records() {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// A part is some records in their order, of which the first is the number first of the file, from 0.
type part struct {
	records []retrain.Record
	first   int
}

// parts yields the records in groups of a batch each.
func (in *input) parts() iter.Seq2[part, error] {
	return func(yield func(part, error) bool) {
		var p part
		for r, err := range in.records() {
			if err != nil {
				yield(part{}, err)
				return
			}
			if p.records = append(p.records, r); len(p.records) == portion {
				if !yield(p, nil) {
					return
				}
				p = part{first: p.first + portion}
			}
		}
		if len(p.records) > 0 {
			yield(p, nil)
		}
	}
}

// String names the records for people: "records 1001 to 2000".
func (p part) String() string {
	return fmt.Sprintf("records %d to %d", p.first+1, p.first+len(p.records))
}
