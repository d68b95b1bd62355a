package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"retrain"
)

// An input is a text with records in it, which can be read more than once: first to see that all of it is in order, then to
// store it. Nothing of it is held in memory.
type input struct {
	name   string // for messages: the file's, or "stdin"
	format string // csv or jsonl
	path   string
	close  func() error
}

// A row is a record and the line where it begins.
type row struct {
	line   int
	record retrain.Record
}

// openInput opens a file, or stdin for "-", which is copied to a temporary file. The format is csv, jsonl or json; "" is
// told from the name, and jsonl for stdin. Whoever opens it closes it.
func openInput(name, format string, stdin io.Reader) (*input, error) {
	in := &input{name: name, path: name, close: func() error { return nil }}
	if name == "-" || name == "" {
		in.name = "stdin"
		if err := in.spool(stdin); err != nil {
			return nil, err
		}
	} else if info, err := os.Stat(name); err != nil {
		return nil, unreadable(name, err)
	} else if info.IsDir() {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s is a folder", name)
	}
	var err error
	in.format, err = formatOf(in.name, format)
	return in, err
}

func unreadable(name string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return retrain.Errorf(retrain.DataValidationError, "%s: %w", name, err)
}

func (in *input) spool(stdin io.Reader) error {
	f, err := os.CreateTemp("", "retrain-stdin-")
	if err != nil {
		return err
	}
	in.path, in.close = f.Name(), func() error { return os.Remove(f.Name()) }
	_, err = io.Copy(f, stdin)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(fmt.Errorf("stdin: %w", err), in.close())
	}
	return err
}

// formatOf returns csv or jsonl. A list in one JSON text is read as jsonl is.
func formatOf(name, given string) (string, error) {
	ext := given
	if given == "" {
		bare := strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
		ext = strings.ToLower(strings.TrimPrefix(filepath.Ext(bare), "."))
	}
	switch ext {
	case "csv", "tsv":
		return "csv", nil
	case "jsonl", "json", "ndjson":
		return "jsonl", nil
	}
	if given != "" {
		return "", usage("--format %s is none of csv, jsonl, json", given)
	}
	if name == "stdin" || name == "-" {
		return "jsonl", nil
	}
	return "", usage("the name %s does not tell the format", name).hinted("say --format csv or --format jsonl")
}

func (u *usageError) hinted(hint string) *usageError {
	u.hint = hint
	return u
}

// rows yields the records from the beginning. It ends with the first error, which is a DataValidationError that names the
// file and the line.
func (in *input) rows() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		f, err := os.Open(in.path)
		if err != nil {
			yield(row{}, unreadable(in.name, err))
			return
		}
		defer f.Close()
		text, err := uncompressed(f, in.name)
		if err != nil {
			yield(row{}, retrain.Errorf(retrain.DataValidationError, "%s: %w", in.name, err))
			return
		}
		read := readJSON
		if in.format == "csv" {
			read = readCSV
		}
		for r, err := range read(bufio.NewReaderSize(text, 1<<16)) {
			if err != nil {
				yield(r, retrain.Errorf(retrain.DataValidationError, "%s:%d: %w", in.name, r.line, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func uncompressed(f io.Reader, name string) (io.Reader, error) {
	switch filepath.Ext(name) {
	case ".gz":
		return gzip.NewReader(f)
	case ".zst":
		return zstd.NewReader(f)
	}
	return f, nil
}
