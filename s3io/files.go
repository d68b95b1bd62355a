package s3io

import (
	"cmp"
	"context"
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

// How many files are begun to be fetched ahead of the one that is decoded.
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
			d.Objects = append(d.Objects, retrain.DataObject{Key: o.Key, ETag: string(o.ETag), Batch: o.Key + "@" + string(o.ETag), Size: o.Size})
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

// Tables reads the files one after the other, in the order of the snapshot, and fetches the beginnings of some ahead. A long file
// is read piece by piece, and is never in memory as a whole. A file that is gone or was
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
		begin := func(ctx context.Context, i int) (*remoteFile, error) { return openRemote(ctx, b, d.Objects[i]) }
		for file, err := range inOrder(ctx, len(d.Objects), filesAhead, begin) {
			if err != nil {
				yield(nil, err)
				return
			}
			key := file.object.Key
			for t, err := range tablesOf(ctx, file, formatOf(d.From, key)) {
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				if err != nil {
					yield(nil, inObject(key, err))
					return
				}
				if t = partitioned(t, d.Partition); t.Rows > 0 && !yield(t, nil) {
					return
				}
			}
		}
	}
}

// tablesOf decodes a file into blocks.
func tablesOf(ctx context.Context, file *remoteFile, f Format) iter.Seq2[*retrain.Table, error] {
	if f == Parquet {
		return ReadParquetAt(file.readerAt(ctx), file.size, file.object.Key)
	}
	return func(yield func(*retrain.Table, error) bool) {
		in, stop := file.reader(ctx)
		defer stop()
		b := block{key: file.object.Key}
		for r, err := range Read(in, f) {
			if err != nil {
				yield(nil, err)
				return
			}
			if b.add(r); b.full() && !yield(b.take(), nil) {
				return
			}
		}
		if len(b.records) > 0 {
			yield(b.take(), nil)
		}
	}
}

// A block is rows that become one table: so many, or so much text.
type block struct {
	key     string
	rows    int // that the file had until now
	records []retrain.Record
	bytes   int
}

const blockBytes = 64 << 20

// add adds a row, and gives it an id where it has none.
func (b *block) add(r retrain.Record) {
	b.rows++
	if r.ID() == "" {
		r["id"] = rowID(b.key, b.rows)
	}
	b.records = append(b.records, r)
	b.bytes += weight(map[string]any(r))
}

func (b *block) full() bool { return len(b.records) >= blockRows || b.bytes >= blockBytes }

// take returns the rows as a table, and begins anew.
func (b *block) take() *retrain.Table {
	t := retrain.NewTable(b.records)
	b.records, b.bytes = b.records[:0], 0
	return t
}

// weight returns about how many bytes a value takes.
func weight(v any) int {
	const header = 16
	n := header
	switch v := v.(type) {
	case string:
		n += len(v)
	case map[string]any:
		for name, inner := range v {
			n += header + len(name) + weight(inner)
		}
	case []any:
		for _, inner := range v {
			n += weight(inner)
		}
	}
	return n
}

// rowID is the id of a row that has none.
func rowID(key string, row int) string { return key + "#" + strconv.Itoa(row) }
