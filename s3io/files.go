package s3io

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"strconv"
	"strings"

	"retrain"
)

// Files reads data files that others put below a prefix: CSV, JSON lines and Parquet. Each row is a record by itself: whoever
// writes files has no updates, so rows with the same id are not one. A row without an id has the file's key and its number as
// one. A file is counted once; when its content changes it is another.
type Files struct {
	Open func(ctx context.Context, bucket string) (Bucket, error) // any bucket by its name, whole; "" is the one that ours is in
}

var _ retrain.Source = (*Files)(nil)

// Parquet is the format of a file that Files reads, and Read does not.
const Parquet Format = "parquet"

// How many files are fetched ahead of the one that is decoded.
const filesAhead = 4

// Snapshot lists the files, by their keys. Those whose name or folder begins with a dot or an underscore, which is what programs
// leave for themselves, are left out, and so are those of unknown formats beside others.
func (f *Files) Snapshot(ctx context.Context, r retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error) {
	d := retrain.Dataset{Resource: r.Name, From: &r, Partition: p, Objects: []retrain.DataObject{}}
	b, err := f.bucket(ctx, &r)
	if err != nil {
		return d, err
	}
	prefix, unknown := strings.TrimPrefix(r.Files.Prefix, "/"), ""
	for o, err := range b.List(ctx, Listing{Prefix: prefix}) {
		if err != nil {
			return d, err
		}
		switch {
		case !isFile(prefix, o.Key):
		case formatOf(&r, o.Key) == "":
			unknown = cmp.Or(unknown, o.Key)
		default:
			d.Objects = append(d.Objects, retrain.DataObject{Key: o.Key, ETag: string(o.ETag), Batch: o.Key + "@" + string(o.ETag)})
		}
	}
	if len(d.Objects) == 0 && unknown != "" {
		return d, retrain.Errorf(retrain.DataValidationError, "resource %s: the format of %s is unknown", r.Name, unknown).
			WithHint("set files.format to csv, jsonl or parquet, or name the files so")
	}
	return d, nil
}

func (f *Files) bucket(ctx context.Context, r *retrain.Resource) (Bucket, error) {
	if r.Files == nil || r.Files.Bucket == "" && strings.Trim(r.Files.Prefix, "/") == "" {
		return nil, retrain.Errorf(retrain.ModelConfigError, "resource %s: source files needs files: {prefix: …}", r.Name)
	}
	return f.Open(ctx, r.Files.Bucket)
}

// isFile reports whether a listed key is a file in the folder that prefix names, or the file itself.
func isFile(prefix, key string) bool {
	rest := strings.TrimPrefix(key, prefix)
	if prefix != "" && !strings.HasSuffix(prefix, "/") && rest != "" && rest[0] != '/' {
		return false // of a folder whose name only begins so
	}
	for name := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
			return false
		}
	}
	return !strings.HasSuffix(key, "/")
}

// formatOf returns the format of a file, and "" where neither the resource nor the name tells.
func formatOf(r *retrain.Resource, key string) Format {
	if r.Files.Format != "" {
		return Format(r.Files.Format)
	}
	name := strings.ToLower(path.Base(key))
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch path.Ext(name) {
	case ".csv", ".tsv":
		return CSV
	case ".jsonl", ".ndjson", ".json":
		return JSONL
	case ".parquet", ".pq":
		return Parquet
	}
	return ""
}

// Tables reads the files one after the other, in the order of the snapshot, and fetches some ahead. A file that is gone or was
// changed since the snapshot, or that is not what its format says, is an error that names it and the place in it.
func (f *Files) Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		if d.From == nil || d.From.Files == nil {
			yield(nil, retrain.Errorf(retrain.DataValidationError, "the data set does not say which files it is from"))
			return
		}
		b, err := f.bucket(ctx, d.From)
		if err != nil {
			yield(nil, err)
			return
		}
		fetch := func(ctx context.Context, i int) ([]byte, error) { return fetchFile(ctx, b, d.Objects[i]) }
		i := 0
		for body, err := range inOrder(ctx, len(d.Objects), filesAhead, fetch) {
			if err != nil {
				yield(nil, err)
				return
			}
			key := d.Objects[i].Key
			for t, err := range tablesOf(body, formatOf(d.From, key), key) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					yield(nil, inObject(key, err))
					return
				}
				if t = partitioned(t, d.Partition); t.Rows > 0 && !yield(t, nil) {
					return
				}
			}
			i++
		}
	}
}

// fetchFile reads a file as it was.
func fetchFile(ctx context.Context, b Bucket, o retrain.DataObject) ([]byte, error) {
	body, e, err := b.Get(ctx, o.Key)
	if errors.Is(err, retrain.NotFoundError) {
		return nil, retrain.Errorf(retrain.NotFoundError, "%s is gone since the snapshot: %w", o.Key, err)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Key, err)
	}
	if o.ETag != string(e) {
		return nil, retrain.Errorf(retrain.NotFoundError, "%s was changed since the snapshot", o.Key).
			WithHint("add new files instead of changing those that are there; the next run reads them as they are then")
	}
	return body, nil
}

// tablesOf decodes a file into blocks.
func tablesOf(body []byte, f Format, key string) iter.Seq2[*retrain.Table, error] {
	if f == Parquet {
		return ReadParquet(body, key)
	}
	return func(yield func(*retrain.Table, error) bool) {
		block := make([]retrain.Record, 0, blockRows)
		n := 0
		for r, err := range Read(bytes.NewReader(body), f) {
			if err != nil {
				yield(nil, err)
				return
			}
			n++
			if r.ID() == "" {
				r["id"] = rowID(key, n)
			}
			if block = append(block, r); len(block) == blockRows {
				if !yield(retrain.NewTable(block), nil) {
					return
				}
				block = block[:0]
			}
		}
		if len(block) > 0 {
			yield(retrain.NewTable(block), nil)
		}
	}
}

// rowID is the id of a row that has none.
func rowID(key string, row int) string { return key + "#" + strconv.Itoa(row) }
