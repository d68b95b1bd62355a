package s3io_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/s3io"
)

// FuzzReadCSV reads anything without harm, and what it accepts as encoding/csv does: as many rows, each cell its own text or
// what JSON makes of that.
func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a;b\n\"x\n\"\"y\";true\r\n", "a\tb\n\t007\n", "\uFEFFid|n\n12345678901234567890|1e5\n", "a,b\n1\n", "a\n\xff\n", "\"", "a,a\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := records(s3io.ReadCSV(bytes.NewReader(in)))
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			return
		}
		for _, comma := range ",;\t|" {
			rows := csv.NewReader(bytes.NewReader(in))
			rows.Comma = comma
			if cells, err := rows.ReadAll(); err == nil && sameRows(cells, got) {
				return
			}
		}
		t.Fatalf("got %v, which is not what any separator gives", got)
	})
}

func sameRows(cells [][]string, got []retrain.Record) bool {
	if len(cells) != len(got)+1 {
		return false
	}
	for i, r := range got {
		for j, cell := range cells[i+1] {
			v, there := r[strings.TrimSpace(cells[0][j])]
			if there != (cell != "") || there && !sameCell(v, cell) {
				return false
			}
		}
	}
	return true
}

func sameCell(v any, cell string) bool {
	if v == cell {
		return true
	}
	var decoded any
	err := json.Unmarshal([]byte(strings.ToLower(strings.TrimSpace(cell))), &decoded)
	return err == nil && v == decoded
}

// FuzzReadJSONL reads anything without harm, and what it accepts as encoding/json does.
func FuzzReadJSONL(f *testing.F) {
	for _, s := range []string{`{"id":"a","n":1}` + "\n{}", "[{\"a\":[1,{}]},\n{}]", "[]", "{", "null", `{"id":12345678901234567890}`, "{\"a\":\"\\ud800\"}", "[{}]x", "\uFEFF{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := records(s3io.ReadJSONL(bytes.NewReader(in)))
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			return
		}
		want := decoded(t, in)
		for i, r := range want {
			if id, ok := r["id"].(float64); ok && math.Abs(id) >= 1<<53 { // its digits are kept; that is tested elsewhere
				delete(r, "id")
				delete(got[i], "id")
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// decoded reads with encoding/json what ReadJSONL has accepted.
func decoded(t *testing.T, in []byte) (want []retrain.Record) {
	dec := json.NewDecoder(bytes.NewReader(in))
	if bytes.HasPrefix(bytes.Trim(in, " \t\r\n"), []byte("[")) {
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			want = nil
		}
	}
	for dec.More() {
		var r retrain.Record
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		want = append(want, r)
	}
	return want
}

// FuzzRecords stores any JSON objects and reads them back: what comes out is what went in, each id once.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"id":"a","n":1.5,"t":"x","b":true,"o":{"k":[1,null]},"z":null}` + "\n" + `{"id":7}` + "\n" + `{"t":"\u0000\"\\<>é"}` + "\n" + `{"id":"7","":-1e-7}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		put, err := records(s3io.ReadJSONL(bytes.NewReader(in)))
		if err != nil {
			return
		}
		log := &s3io.Records{Bucket: new(s3io.Memory)}
		_, err = log.Append(t.Context(), retrain.Batch{ID: "b", Resource: "r", At: time.Unix(1, 0), Records: put})
		if errors.Is(err, retrain.DataValidationError) {
			return // an id that is an object
		} else if err != nil {
			t.Fatal(err)
		}
		want := make(map[string]string)
		for i, r := range put {
			if r.ID() == "" {
				r["id"] = fmt.Sprintf("b-%d", i+1)
			}
			want[r.ID()] = text(r)
		}
		got := make(map[string]string)
		for _, r := range stored(t, log, nil) {
			got[r.ID()] = text(r)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// text returns a record as JSON without its nulls, which are stored as missing.
func text(r retrain.Record) string {
	for name, v := range r {
		if v == nil {
			delete(r, name)
		}
	}
	b, _ := json.Marshal(r) // it was decoded
	return string(b)
}

// FuzzTables reads damaged objects: an error, or what was stored, and never a panic.
func FuzzTables(f *testing.F) {
	memory := new(s3io.Memory)
	log := &s3io.Records{Bucket: memory}
	rows := []retrain.Record{{"id": "a", "n": 1., "t": "x"}, {"id": "b", "o": map[string]any{}}, {"id": "c"}}
	if _, err := log.Append(f.Context(), retrain.Batch{ID: "b", Resource: "r", Records: rows}); err != nil {
		f.Fatal(err)
	}
	object, _, err := memory.Get(f.Context(), "resources/r/log/b.jsonl.zst")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(object)
	f.Fuzz(func(t *testing.T, object []byte) {
		log := &s3io.Records{Bucket: new(s3io.Memory)}
		if _, err := log.Bucket.Put(t.Context(), "resources/r/log/b.jsonl.zst", object, s3io.Always); err != nil {
			t.Fatal(err)
		}
		d, err := log.Snapshot(t.Context(), retrain.Resource{Name: "r"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for table, err := range log.Tables(t.Context(), d) {
			if err != nil && !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			} else if err == nil {
				for r := range table.Records() {
					_ = r.ID()
				}
			}
		}
	})
}

// FuzzReadPacked reads what claims to be gzip or zstd, without harm.
func FuzzReadPacked(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	text := []byte("a,b\n1,2\n3,\"x\ny\"\n" + strings.Repeat("7,8\n", 100))
	f.Add(enc.EncodeAll(text, nil))
	f.Add([]byte(gzipped(string(text))))
	f.Add(append(enc.EncodeAll(text[:9], nil), enc.EncodeAll(text[9:], nil)...))
	f.Add([]byte("\x50\x2a\x4d\x18\x02\x00\x00\x00xx" + string(enc.EncodeAll([]byte(`{"a":1}`), nil))))
	f.Fuzz(func(t *testing.T, in []byte) {
		rows := 0
		for _, err := range s3io.Read(bytes.NewReader(in), "") {
			if err != nil && !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			if rows++; rows > 100_000 {
				break // few bytes may be many rows
			}
		}
	})
}

// FuzzCopies reads damaged copies of a database: an error, or records, and never a panic.
func FuzzCopies(f *testing.F) {
	theirs, ours := shop(3), new(s3io.Memory)
	r := retrain.Resource{Name: "old", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Resource: "products"}}
	d, err := sourcesOver(theirs, ours).Snapshot(f.Context(), r, nil)
	if err != nil {
		f.Fatal(err)
	}
	schema, _, err := ours.Get(f.Context(), d.Objects[0].Key)
	if err != nil {
		f.Fatal(err)
	}
	object, _, err := ours.Get(f.Context(), d.Objects[1].Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(schema, object)
	f.Fuzz(func(t *testing.T, schema, object []byte) {
		ours := new(s3io.Memory)
		for i, body := range [][]byte{schema, object} {
			if _, err := ours.Put(t.Context(), d.Objects[i].Key, body, s3io.Always); err != nil {
				t.Fatal(err)
			}
		}
		now := retrain.Dataset{Resource: d.Resource, From: d.From, Objects: []retrain.DataObject{
			{Key: d.Objects[0].Key}, {Key: d.Objects[1].Key, Batch: d.Objects[1].Batch}}}
		s := sourcesOver(theirs, ours)
		for table, err := range s.Tables(t.Context(), now) {
			if err != nil && !errors.Is(err, retrain.DataValidationError) && !errors.Is(err, retrain.NotFoundError) {
				t.Fatalf("got %v", err)
			} else if err == nil {
				for r := range table.Records() {
					_ = r.ID()
				}
			}
		}
		if _, err := s.Snapshot(t.Context(), r, nil); err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Fatalf("snapshot: %v", err)
		}
	})
}
