package s3io_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/s3io"
)

var products = retrain.Resource{Name: "products", Partitions: map[string][]string{"byCategory": {"category"}}}

// begin is when the tests' first batch is inserted.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func batch(id string, at time.Time, rows ...retrain.Record) retrain.Batch {
	return retrain.Batch{ID: id, Resource: products.Name, At: at, Records: rows}
}

func appendNew(t testing.TB, log *s3io.Records, b retrain.Batch) {
	t.Helper()
	if isNew, err := log.Append(t.Context(), b); err != nil || !isNew {
		t.Fatalf("append %q: got %v, %v, want true", b.ID, isNew, err)
	}
}

func snapshot(t testing.TB, log *s3io.Records, resource string, p *retrain.PartitionRef) retrain.Dataset {
	t.Helper()
	d, err := log.Snapshot(t.Context(), retrain.Resource{Name: resource}, p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// stored reads the records of the one resource that there is.
func stored(t testing.TB, log *s3io.Records, p *retrain.PartitionRef) (all []retrain.Record) {
	t.Helper()
	name := "r"
	for o := range log.Bucket.List(t.Context(), s3io.Listing{Prefix: "resources/"}) {
		name = strings.Split(o.Key, "/")[1]
	}
	for table, err := range log.Tables(t.Context(), snapshot(t, log, name, p)) {
		if err != nil {
			t.Fatal(err)
		}
		for r := range table.Records() {
			all = append(all, r)
		}
	}
	return all
}

func TestAppendIsIdempotent(t *testing.T) {
	log := &s3io.Records{Bucket: open(t, gateway(t))}
	appendNew(t, log, batch("one", begin, retrain.Record{"n": 1.}, retrain.Record{"n": 2., "id": "x"}))
	isNew, err := log.Append(t.Context(), batch("one", begin.Add(time.Hour), retrain.Record{"n": 3.}))
	if isNew || err != nil {
		t.Errorf("again: got %v, %v, want false", isNew, err)
	}
	got := stored(t, log, nil)
	if want := []retrain.Record{{"id": "one-1", "n": 1.}, {"id": "x", "n": 2.}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLatestStateInOrderOfInsertion(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	id := func(id any, n float64) retrain.Record { return retrain.Record{"id": id, "n": n} }
	appendNew(t, log, batch("c", begin, id("a", 1), id("b", 2), id("a", 3)))
	appendNew(t, log, batch("b", begin.Add(2*time.Nanosecond), id("7", 6), id("d", 7)))
	appendNew(t, log, batch("a", begin.Add(time.Nanosecond), id(7., 4), id("e", 5)))
	appendNew(t, log, batch("d", begin.Add(2*time.Nanosecond), id("b", 8)))
	got := stored(t, log, nil)
	want := []retrain.Record{id("a", 3), id("e", 5), id("7", 6), id("d", 7), id("b", 8)}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n, err := log.Count(t.Context(), snapshot(t, log, "products", nil)); n != len(want) || err != nil {
		t.Errorf("counted %d, %v, want %d", n, err, len(want))
	}
}

func TestPartition(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	row := func(id string, category any) retrain.Record { return retrain.Record{"id": id, "category": category} }
	appendNew(t, log, batch("1", begin, row("a", "elec"), row("b", "electronics"), row("c", nil), row("d", 7.), row("e", "7"),
		retrain.Record{"id": "f", "maker": map[string]any{"name": "x"}}, retrain.Record{"id": "g", "maker.name": "x"}, row("h", "elec")))
	appendNew(t, log, batch("2", begin.Add(1), row("h", "toys"))) // it has moved out
	for _, c := range []struct {
		path string
		v    any
		want string
	}{
		{"category", "elec", "a"}, {"category", "electronics", "b"}, {"category", 7, "d e"}, {"category", "", ""},
		{"category", "toys", "h"}, {"maker.name", "x", "f g"}, {"nothing", "x", ""},
	} {
		p := &retrain.PartitionRef{Name: "p", Values: map[string]any{c.path: c.v}}
		ids := []string{}
		for _, r := range stored(t, log, p) {
			ids = append(ids, r.ID())
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s=%v: got %q, want %q", c.path, c.v, got, c.want)
		}
		if n, err := log.Count(t.Context(), snapshot(t, log, "products", p)); n != len(ids) || err != nil {
			t.Errorf("%s=%v: counted %d, %v, want %d", c.path, c.v, n, err, len(ids))
		}
	}
}

func TestManySmallBatchesAreFewTables(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	for i := range 300 {
		appendNew(t, log, batch(fmt.Sprint(i), begin.Add(time.Duration(i)), retrain.Record{"n": float64(i)}, retrain.Record{fmt.Sprint("f", i%3): "x"}))
	}
	tables, next := 0, 0.
	for table, err := range log.Tables(t.Context(), snapshot(t, log, "products", nil)) {
		if err != nil {
			t.Fatal(err)
		}
		tables++
		for i := range table.Rows {
			if n := table.Column("n").Value(i); n != nil && n != next {
				t.Fatalf("got %v, want %v", n, next)
			} else if n != nil {
				next++
			}
		}
	}
	if tables != 1 || next != 300 {
		t.Errorf("got %d tables with %v rows", tables, next)
	}
}

func TestBatchIDs(t *testing.T) {
	log := &s3io.Records{Bucket: open(t, gateway(t))}
	ids := []string{"a/b", "..", ".", "a b", "ünï", "ελληνικά", "%2F", "a%2Fb", "A", "a\x00b", "../../etc", strings.Repeat("x", 240), "\xff", "-", "a.jsonl.zst"}
	for i, id := range ids {
		appendNew(t, log, batch(id, begin.Add(time.Duration(i)), retrain.Record{"id": fmt.Sprint(i)}))
	}
	d := snapshot(t, log, "products", nil)
	found := make(map[string]bool)
	for _, b := range d.Batches() {
		found[b] = true
	}
	for _, id := range ids {
		if !found[id] {
			t.Errorf("%q is not in the snapshot", id)
		}
	}
	for _, o := range d.Objects {
		if strings.Count(o.Key, "/") != 3 || !strings.HasPrefix(o.Key, "resources/products/log/") {
			t.Errorf("%q is stored as %q", o.Batch, o.Key)
		}
	}
	for _, id := range []string{"", strings.Repeat("x", 241), strings.Repeat("€", 27)} {
		if _, err := log.Append(t.Context(), batch(id, begin)); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	nan := 0.
	nan /= nan
	for want, r := range map[string]retrain.Record{
		"record 2: its id is map[string]interface {}, and not a text or a number": {"id": map[string]any{}},
		"record 2: field \"n\": NaN is not a number that JSON has":                {"n": nan},
		"record 2: field \"t\": jsontext: invalid UTF-8":                          {"t": "\xff"},
	} {
		_, err := log.Append(t.Context(), batch("b", begin, retrain.Record{}, r))
		if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if n := len(snapshot(t, log, "products", nil).Objects); n != 0 {
		t.Errorf("%d objects were stored", n)
	}
}

func TestOtherObjectsInTheLog(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	appendNew(t, log, batch("1", begin, retrain.Record{}))
	for _, key := range []string{"notes.txt", "a b.jsonl.zst", ".jsonl.zst", "%zz.jsonl.zst", "deep/er.jsonl.zst"} {
		if _, err := log.Bucket.Put(t.Context(), "resources/products/log/"+key, nil, s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	d := snapshot(t, log, "products", nil)
	if got := d.Batches(); !reflect.DeepEqual(got, []string{"1"}) {
		t.Errorf("got %q", got)
	}
}

// TestZstdcat reads a batch as any other program would.
func TestZstdcat(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	appendNew(t, log, batch("b", begin, retrain.Record{"z": "<é>", "a": 1e21, "o": map[string]any{"k": []any{1., nil}}}, retrain.Record{"id": 3.}))
	object, _, err := log.Bucket.Get(t.Context(), "resources/products/log/b.jsonl.zst")
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	got, err := dec.DecodeAll(object, nil)
	want := `{"id":"b-1","a":1e+21,"o":{"k":[1,null]},"z":"<é>"}` + "\n" + `{"id":3}` + "\n"
	if string(got) != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	again, err := records(s3io.Read(bytes.NewReader(object), "")) // our own objects can be inserted elsewhere
	if len(again) != 2 || err != nil {
		t.Errorf("got %v, %v", again, err)
	}
}

func TestDamage(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	rows := make([]retrain.Record, 5000)
	for i := range rows {
		rows[i] = retrain.Record{"n": float64(i * i), "t": fmt.Sprint("text ", i*7919)}
	}
	appendNew(t, log, batch("first", begin, retrain.Record{}))
	appendNew(t, log, batch("second", begin.Add(1), rows...))
	const key = "resources/products/log/second.jsonl.zst"
	whole, _, err := log.Bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		object []byte
		want   string
	}{
		"cut in the header": {whole[:20], "it ends within the header, after 20 bytes"},
		"cut at the frame":  {whole[:200], "after record 0 of 5000: zstd: unexpected EOF"},
		"cut near its end":  {whole[:len(whole)-10], "of 5000: zstd: unexpected EOF"},
		"empty":             {nil, "it does not begin with a batch's header"},
		"a bit flipped":     {flipped, "of 5000: zstd: "},
		"a frame more":      {append(bytes.Clone(whole), frame(t, "{\"id\":1}\n")...), "it has 5001 records, its header says 5000"},
		"a newer format":    {header(`{"format":3}`), "format 3"},
		"no object":         {append(header(`{"format":1,"records":1}`), frame(t, "7\n")...), "record 1: "},
		"half an object":    {append(header(`{"format":1,"records":1}`), frame(t, "{\"id\":1\n")...), "record 1: "},
		"two on a line":     {append(header(`{"format":1,"records":1}`), frame(t, "{\"id\":1}{\"id\":2}\n")...), "record 2: the line is not one JSON object"},
		"no id":             {append(header(`{"format":1,"records":1}`), frame(t, "{\"n\":1}\n")...), "record 1: it has no id"},
		"too big a number":  {append(header(`{"format":1,"records":1}`), frame(t, "{\"id\":1,\"n\":1e999}\n")...), "record 1: strconv.ParseFloat: parsing \"1e999\": value out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := log.Bucket.Put(t.Context(), key, c.object, s3io.Always); err != nil {
				t.Fatal(err)
			}
			err := firstError(t.Context(), log, snapshot(t, log, "products", nil))
			if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), key+": ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s: … %s", err, key, c.want)
			}
		})
	}
}

func frame(t *testing.T, s string) []byte {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return enc.EncodeAll([]byte(s), nil)
}

func header(s string) []byte {
	return append([]byte{0x5e, 0x2a, 0x4d, 0x18, byte(len(s)), 0, 0, 0}, s...)
}

func firstError(ctx context.Context, log *s3io.Records, d retrain.Dataset) error {
	for _, err := range log.Tables(ctx, d) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestSnapshotIsWhatItWas(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	appendNew(t, log, batch("1", begin, retrain.Record{"n": 1.}))
	d := snapshot(t, log, "products", nil)
	appendNew(t, log, batch("2", begin.Add(1), retrain.Record{"n": 2.}))
	if n, err := log.Count(t.Context(), d); n != 1 || err != nil {
		t.Errorf("counted %d, %v in a snapshot of 1", n, err)
	}
	key := d.Objects[0].Key
	object, _, _ := log.Bucket.Get(t.Context(), "resources/products/log/2.jsonl.zst")
	if _, err := log.Bucket.Put(t.Context(), key, object, s3io.Always); err != nil {
		t.Fatal(err)
	}
	if err := firstError(t.Context(), log, d); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), key+" was changed") {
		t.Errorf("changed: got %v", err)
	}
	if err := log.Bucket.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := firstError(t.Context(), log, d); !errors.Is(err, retrain.NotFoundError) || !strings.Contains(err.Error(), key+" is gone") {
		t.Errorf("gone: got %v", err)
	}
}

func TestOneFailingGetIsAnError(t *testing.T) {
	down := retrain.Errorf(retrain.UnavailableError, "down")
	var memory s3io.Memory
	log := &s3io.Records{Bucket: &memory}
	for i := range 100 {
		appendNew(t, log, batch(fmt.Sprint(i), begin, retrain.Record{}))
	}
	d := snapshot(t, log, "products", nil)
	log.Bucket = &s3io.Faulty{Bucket: &memory, Before: func(op s3io.Op, key string) error {
		if op == s3io.OpGet && strings.Contains(key, "/77.") {
			return down
		}
		return nil
	}}
	if err := firstError(t.Context(), log, d); !errors.Is(err, down) || !strings.Contains(err.Error(), `batch "77"`) {
		t.Errorf("got %v", err)
	}
	if n, err := log.Count(t.Context(), d); !errors.Is(err, down) {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestAppendAfterALostAnswer(t *testing.T) {
	lost := errors.New("the answer was lost")
	var memory s3io.Memory
	faults := 1
	log := &s3io.Records{Bucket: &s3io.Faulty{Bucket: &memory, After: func(s3io.Op, string) error {
		if faults--; faults == 0 {
			return lost
		}
		return nil
	}}}
	b := batch("1", begin, retrain.Record{"n": 1.})
	if _, err := log.Append(t.Context(), b); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
	if isNew, err := log.Append(t.Context(), b); isNew || err != nil {
		t.Errorf("again: got %v, %v, want false", isNew, err)
	}
	if got := stored(t, log, nil); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestOtherSourcesAreRefused(t *testing.T) {
	_, err := (&s3io.Records{Bucket: new(s3io.Memory)}).Snapshot(t.Context(), retrain.Resource{Name: "r", Source: "s3db"}, nil)
	if !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("got %v", err)
	}
}
