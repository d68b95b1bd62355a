package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"retrain"
	"retrain/s3io"
)

// An output is where the answers of a bulk go, and how they are written.
type output struct {
	name    string // as it was typed: a file, s3://bucket/key, or - for stdout
	parquet bool
}

// bulkOutput reads -o and --output-format.
func (c *call) bulkOutput() (*output, error) {
	o := &output{name: c.flags.String("output")}
	format := c.flags.String("output-format")
	if format == "" {
		format = strings.ToLower(strings.TrimPrefix(filepath.Ext(o.name), "."))
	}
	switch {
	case o.name == "":
		return nil, usage("--resource needs -o, for the answers").hinted("-o answers.jsonl, -o answers.parquet or -o s3://bucket/answers.parquet")
	case o.name == "-" && c.json():
		return nil, usage("-o - writes the answers to stdout, where --json wants its one value")
	case o.name == "-" && c.flags.String("output-format") == "":
		format = "jsonl"
	}
	switch format {
	case "parquet":
		o.parquet = true
	case "jsonl", "json", "ndjson":
	default:
		return nil, usage("%s tells no format: .jsonl or .parquet, or --output-format", o.name)
	}
	if bucket, key, ok := o.s3(); ok && (bucket == "" || key == "" || strings.HasSuffix(key, "/")) {
		return nil, usage("%s names no object", o.name).hinted("-o s3://bucket/answers.parquet")
	}
	return o, nil
}

// s3 returns the bucket and the key of an output in S3.
func (o *output) s3() (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(o.name, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, ok
}

// A written is an output that is being written. Until finish nobody sees it.
type written struct {
	results

	out    *output
	bucket s3io.Bucket // nil for a file
	file   *os.File
	buffer *bufio.Writer
}

// open begins an output. A file that exists is replaced at the end.
func (o *output) open(ctx context.Context, c *call, mf *retrain.Manifest) (*written, error) {
	w := &written{out: o}
	var err error
	switch bucket, _, inS3 := o.s3(); {
	case o.name == "-":
		w.buffer = bufio.NewWriter(c.Stdout)
	case inS3:
		if w.bucket, err = c.app.Named(ctx, bucket); err != nil {
			return nil, err
		}
		if w.file, err = os.CreateTemp("", "retrain-answers-"); err == nil {
			err = os.Remove(w.file.Name()) // it is gone with this process, however that ends
		}
	default:
		w.file, err = os.Create(o.name + ".part")
	}
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "write %s: %w", o.name, err)
	}
	if w.file != nil {
		w.buffer = bufio.NewWriterSize(w.file, 1<<20)
	}
	if !o.parquet {
		w.results = newJSONLines(w.buffer)
		return w, nil
	}
	if w.results, err = newParquetResults(w.buffer, mf); err != nil {
		return nil, errors.Join(err, w.abandon())
	}
	return w, nil
}

// finish puts the output where it belongs.
func (w *written) finish(ctx context.Context) error {
	err := errors.Join(w.close(), w.buffer.Flush())
	if w.file == nil || err != nil {
		return errors.Join(err, w.abandon())
	}
	if w.bucket == nil {
		return errors.Join(w.file.Sync(), w.file.Close(), os.Rename(w.file.Name(), w.out.name))
	}
	defer w.file.Close()
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, key, _ := w.out.s3()
	return s3io.Upload(ctx, w.bucket, key, w.file)
}

// abandon removes what was written.
func (w *written) abandon() error {
	switch {
	case w.file == nil:
		return w.buffer.Flush() // what was answered is on its way to stdout
	case w.bucket != nil:
		return w.file.Close()
	}
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}

// results are answers in a format.
type results interface {
	write(answers []retrain.Answered) error
	close() error
}

// jsonLines writes an object a line.
type jsonLines struct{ *json.Encoder }

func newJSONLines(w io.Writer) jsonLines {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return jsonLines{e}
}

func (j jsonLines) write(answers []retrain.Answered) error {
	for i := range answers {
		if err := j.Encode(&answers[i]); err != nil {
			return err
		}
	}
	return nil
}

func (jsonLines) close() error { return nil }
