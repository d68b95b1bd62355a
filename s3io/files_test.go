package s3io_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/s3io"
)

func filesResource(prefix, format string) retrain.Resource {
	return retrain.Resource{Name: "flights", Source: "files", Files: &retrain.FilesSource{Prefix: prefix, Format: format}}
}

func filled(t testing.TB, files map[string]string) *s3io.Memory {
	t.Helper()
	b := new(s3io.Memory)
	for key, body := range files {
		if _, err := b.Put(t.Context(), key, []byte(body), s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func zstdOf(t testing.TB, text string) string {
	t.Helper()
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(zip.EncodeAll([]byte(text), nil))
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text)) // a bytes.Buffer takes all
	w.Close()
	return b.String()
}

func TestFilesOfAllFormats(t *testing.T) {
	theirs := filled(t, map[string]string{
		"lake/flights/a.csv":              "id,n,t\nx,1,one\n,2,two\n",
		"lake/flights/b.jsonl.gz":         gzipped(`{"id":7,"n":3}` + "\n" + `{"n":4,"o":{"k":[1]}}`),
		"lake/flights/day=1/c.PARQUET":    parquetOf(t, []flat{{"p", 5}, {"", 6}}),
		"lake/flights/_SUCCESS":           "",
		"lake/flights/_temporary/0/d.csv": "broken",
		"lake/flights/.crc/e.csv":         "broken",
		"lake/flights/README.md":          "# flights",
		"lake/flights2/f.csv":             "n\n100\n",
		"lake/flights":                    "n\n200\n",
	})
	s := sourcesOver(theirs, new(s3io.Memory))
	want := []retrain.Record{
		{"id": "x", "n": 1., "t": "one"}, {"id": "lake/flights/a.csv#2", "n": 2., "t": "two"},
		{"id": 7., "n": 3.}, {"id": "lake/flights/b.jsonl.gz#2", "n": 4., "o": map[string]any{"k": []any{1.}}},
		{"id": "p", "n": 5.}, {"id": "lake/flights/day=1/c.PARQUET#2", "n": 6.},
	}
	if got := readAll(t, s, filesResource("lake/flights/", ""), nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for prefix, want := range map[string]int{"lake/flights/a.csv": 2, "lake/flights2": 1, "/lake/flights2/": 1, "lake/fl": 0, "nothing/": 0} {
		if got := readAll(t, s, filesResource(prefix, ""), nil); len(got) != want {
			t.Errorf("%s: got %v, want %d records", prefix, got, want)
		}
	}
	if got := readAll(t, s, filesResource("lake/flights", ""), nil); len(got) != 6 {
		t.Errorf("a folder without its slash: got %v", got)
	}
	partition := &retrain.PartitionRef{Name: "p", Values: map[string]any{"t": "two"}}
	if got := readAll(t, s, filesResource("lake/flights/", ""), partition); len(got) != 1 || got[0]["n"] != 2. {
		t.Errorf("a partition: got %v", got)
	}
}

func TestFilesManyBlocks(t *testing.T) {
	var text strings.Builder
	text.WriteString("n\n")
	for i := range 20_000 {
		fmt.Fprintln(&text, i)
	}
	files := make(map[string]string)
	for i := range 7 {
		files[fmt.Sprintf("f/%d.csv", i)] = text.String()
	}
	s := sourcesOver(filled(t, files), new(s3io.Memory))
	got := readAll(t, s, filesResource("f", ""), nil)
	if len(got) != 7*20_000 {
		t.Fatalf("got %d records", len(got))
	}
	for i, r := range got {
		if r["n"] != float64(i%20_000) || r["id"] != fmt.Sprintf("f/%d.csv#%d", i/20_000, i%20_000+1) {
			t.Fatalf("record %d is %v", i, r)
		}
	}
	d, err := s.Snapshot(t.Context(), filesResource("f", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range s.Tables(t.Context(), d) { // whoever has enough stops
		break
	}
}

func TestFilesErrors(t *testing.T) {
	whole := parquetOf(t, []flat{{"p", 5}})
	for _, c := range []struct {
		name, key, body, format string
		code                    retrain.Code
		want                    string
	}{
		{"an open quote", "f/a.csv", "a,b\n1,2\n\"3,4\n", "", retrain.DataValidationError, "f/a.csv: line 3"},
		{"half an object", "f/a.jsonl", "{\"a\":1}\n{\"a\"", "", retrain.DataValidationError, "f/a.jsonl: line 2"},
		{"half a gzip", "f/a.csv.gz", gzipped("a,b\n1,2\n")[:20], "", retrain.DataValidationError, "f/a.csv.gz: line"},
		{"half a zstd", "f/a.jsonl.zst", zstdOf(t, strings.Repeat(`{"a":1}`+"\n", 100_000))[:30], "", retrain.DataValidationError, "f/a.jsonl.zst: line"},
		{"an open quote in the middle of many rows", "f/a.csv", "a,b\n" + strings.Repeat("1,2\n", 20_000) + "3,\"4\n" + strings.Repeat("5,6\n", 20_000), "",
			retrain.DataValidationError, "f/a.csv: line 20002"},
		{"half a Parquet", "f/a.parquet", whole[:len(whole)/2], "", retrain.DataValidationError, "f/a.parquet: not a whole Parquet"},
		{"an empty Parquet", "f/a.parquet", "", "", retrain.DataValidationError, "f/a.parquet: not a whole Parquet"},
		{"CSV that is called Parquet", "f/a.csv", "a,b\n1,2\n", "parquet", retrain.DataValidationError, "f/a.csv: not a whole Parquet"},
		{"Parquet that is called CSV", "f/a.parquet", whole, "csv", retrain.DataValidationError, "f/a.parquet: line 1"},
		{"unknown formats", "f/a.xls", "a", "", retrain.DataValidationError, "the format of f/a.xls is unknown"},
	} {
		s := sourcesOver(filled(t, map[string]string{c.key: c.body}), new(s3io.Memory))
		d, err := s.Snapshot(t.Context(), filesResource("f/", c.format), nil)
		if err == nil {
			_, err = readDataset(t, s, d)
		}
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a %s with %q", c.name, err, c.code, c.want)
		}
	}
	s := sourcesOver(new(s3io.Memory), new(s3io.Memory))
	for name, r := range map[string]retrain.Resource{"no files": {Name: "x", Source: "files"}, "our whole bucket": filesResource("", ""),
		"no s3db": {Name: "x", Source: "s3db"}, "an unknown source": {Name: "x", Source: "ftp"}} {
		if _, err := s.Snapshot(t.Context(), r, nil); !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("%s: got %v, want a ModelConfigError", name, err)
		}
	}
}

// A run reads exactly what it has snapshotted, or says that it cannot.
func TestFilesThatChange(t *testing.T) {
	theirs := filled(t, map[string]string{"f/a.csv": "n\n1\n", "f/b.csv": "n\n2\n"})
	s := sourcesOver(theirs, new(s3io.Memory))
	r := filesResource("f/", "")
	d, err := s.Snapshot(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, body string) {
		if _, err := theirs.Put(t.Context(), key, []byte(body), s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	put("f/c.csv", "n\n3\n")
	if got, err := readDataset(t, s, d); err != nil || len(got) != 2 {
		t.Errorf("after a new file: got %v, %v", got, err)
	}
	put("f/b.csv", "n\n2\n4\n")
	if _, err := readDataset(t, s, d); !errors.Is(err, retrain.NotFoundError) || !strings.Contains(err.Error(), "f/b.csv was changed since the snapshot") {
		t.Errorf("after a change: got %v", err)
	}
	if err := theirs.Delete(t.Context(), "f/b.csv"); err != nil {
		t.Fatal(err)
	}
	if _, err := readDataset(t, s, d); !errors.Is(err, retrain.NotFoundError) || !strings.Contains(err.Error(), "f/b.csv is gone since the snapshot") {
		t.Errorf("after it is deleted: got %v", err)
	}
	now, err := s.Snapshot(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, was := now.Batches(), d.Batches(); len(got) != 2 || got[0] != was[0] || slices.Contains(was, got[1]) {
		t.Errorf("batches %q, were %q", got, was)
	}
}
