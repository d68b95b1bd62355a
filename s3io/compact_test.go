package s3io_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// always compacts whatever there is.
var always = s3io.Tuning{Objects: 1}

func compact(t testing.TB, log *s3io.Records, r retrain.Resource) s3io.Compacted {
	t.Helper()
	done, err := log.Compact(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func keys(t testing.TB, b s3io.Bucket, prefix string) (found []string) {
	t.Helper()
	for o, err := range b.List(t.Context(), s3io.Listing{Prefix: prefix}) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, o.Key)
	}
	return found
}

func TestCompactionChangesNothing(t *testing.T) {
	log := &s3io.Records{Bucket: open(t, gateway(t)), Tuning: always}
	r := retrain.Resource{Name: "products", Partitions: map[string][]string{"byCategory": {"category"}, "both": {"region", "category"}, "deep": {"maker.name"}}}
	for i := range 12 {
		appendNew(t, log, batch(fmt.Sprint(i), begin.Add(time.Duration(i)),
			retrain.Record{"id": fmt.Sprint(i % 7), "category": fmt.Sprint("c", i%3), "region": i%2 == 0, "n": float64(i)},
			retrain.Record{"category": "a/b", "region": nil, "maker": map[string]any{"name": "..", "list": []any{1., nil, "x"}}},
			retrain.Record{"id": float64(i), "category": float64(i), "maker.name": "ü", "": "empty", "retrain_position": true}))
		if i%5 == 4 {
			before := stored(t, log, nil)
			done := compact(t, log, r)
			if got := stored(t, log, nil); !reflect.DeepEqual(got, before) || done.Batches == 0 {
				t.Fatalf("after batch %d, which absorbed %d\n got %v\nwant %v", i, done.Batches, got, before)
			}
			if left := keys(t, log.Bucket, "resources/products/log/"); len(left) != 0 {
				t.Errorf("left %q", left)
			}
		}
	}
	all := stored(t, log, nil)
	for _, values := range []map[string]any{{"category": "c1"}, {"category": "a/b"}, {"category": "c"}, {"category": 5}, {"category": "c0", "region": true},
		{"category": "c0", "region": "false"}, {"maker.name": ".."}, {"maker.name": "ü"}, {"nothing": 1}} {
		p := &retrain.PartitionRef{Name: "p", Values: values}
		want := slices.DeleteFunc(slices.Clone(all), func(r retrain.Record) bool { return !p.In(r) })
		if got := stored(t, log, p); len(got)+len(want) > 0 && !sameRecords(got, want) {
			t.Errorf("%v\n got %v\nwant %v", values, got, want)
		}
	}
}

// sameRecords compares without looking at the order.
func sameRecords(a, b []retrain.Record) bool {
	sorted := func(list []retrain.Record) []string {
		texts := make([]string, len(list))
		for i, r := range list {
			texts[i] = fmt.Sprint(r)
		}
		slices.Sort(texts)
		return texts
	}
	return slices.Equal(sorted(a), sorted(b))
}

func TestAnAbsorbedBatchStaysStored(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always}
	appendNew(t, log, batch("one", begin, retrain.Record{"n": 1.}))
	compact(t, log, products)
	for _, again := range []*s3io.Records{log, {Bucket: log.Bucket}} {
		if isNew, err := again.Append(t.Context(), batch("one", begin, retrain.Record{"n": 1.})); isNew || err != nil {
			t.Errorf("again: got %v, %v, want false", isNew, err)
		}
	}
	if got := stored(t, log, nil); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// TestASlowSender puts an object after one with its batch was absorbed.
func TestASlowSender(t *testing.T) {
	memory := new(s3io.Memory)
	log := &s3io.Records{Bucket: memory, Tuning: always}
	appendNew(t, log, batch("one", begin, retrain.Record{"n": 1.}))
	object, _, err := memory.Get(t.Context(), "resources/products/log/one.jsonl.zst")
	if err != nil {
		t.Fatal(err)
	}
	compact(t, log, products)
	if _, err := memory.Put(t.Context(), "resources/products/log/one.jsonl.zst", object, s3io.IfAbsent); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, log, nil); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	compact(t, log, products)
	if left := keys(t, memory, "resources/products/log/"); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

func TestDeletions(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always}
	id := func(id string) retrain.Record { return retrain.Record{"id": id} }
	gone := func(name string, at time.Duration, ids ...string) retrain.Batch {
		b := batch(name, begin.Add(at))
		b.Gone = true
		for _, i := range ids {
			b.Records = append(b.Records, id(i))
		}
		return b
	}
	want := func(ids string) {
		t.Helper()
		var got []string
		for _, r := range stored(t, log, nil) {
			got = append(got, r.ID())
		}
		if strings.Join(got, " ") != ids {
			t.Fatalf("got %q, want %q", got, ids)
		}
	}
	appendNew(t, log, batch("1", begin.Add(10), id("a"), id("b"), id("c"), id("d")))
	appendNew(t, log, gone("2", 20, "a", "x"))
	want("b c d")
	compact(t, log, products)
	want("b c d")
	appendNew(t, log, gone("3", 30, "b"))
	want("c d")
	appendNew(t, log, batch("4", begin.Add(40), id("a")))
	want("c d a")
	appendNew(t, log, batch("late", begin.Add(15), id("x"), id("a"), id("y"))) // x was deleted after
	want("c d y a")
	compact(t, log, products)
	want("c d y a")
	appendNew(t, log, batch("later", begin.Add(25), id("b"), id("y"), id("c")))
	want("d a y c")
	compact(t, log, products)
	want("d y c a")
	appendNew(t, log, gone("5", 50, "a", "c", "d", "y"))
	compact(t, log, products)
	want("")
	if _, err := log.Append(t.Context(), gone("6", 60, "")); err == nil {
		t.Error("what has no id was deleted")
	}
}

// TestTypesSurvive compares the files that are in a bucket before and after, not what a reader makes of it.
func TestNumbersAsTheyWere(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always}
	rows := []retrain.Record{
		{"id": "1", "n": 1., "m": 1., "t": "x", "b": true, "o": map[string]any{"k": []any{1., nil}}, "z": nil, "nul": nil, "e": 1e21, "s": 5e-324, "max": math.MaxFloat64},
		{"id": "2", "n": -0.1, "m": "text", "t": "", "b": false, "o": []any{}, "e": 0., "z": 1.},
		{"id": "3", "n": 9007199254740993., "m": true, "t": "\u0000\"\\<é\u2028", "o": "[]"},
		{"id": "4", "m": map[string]any{"a": "b"}, "t": strings.Repeat("long ", 10000), "x.y": 1., "x": map[string]any{"y": 2.}},
	}
	appendNew(t, log, batch("b", begin, rows...))
	before := stored(t, log, nil)
	compact(t, log, products)
	appendNew(t, log, batch("c", begin.Add(1), retrain.Record{"id": "5", "n": "drifted"}))
	compact(t, log, products)
	if got := stored(t, log, nil); !reflect.DeepEqual(got[:4], before) || got[4]["n"] != "drifted" {
		t.Errorf("got %v\nwant %v", got, before)
	}
}

// The answer to a swap is lost, the next attempt is refused because of the first: what the index names by then must stay.
func TestASwapThatIsRefusedMayHaveHappened(t *testing.T) {
	memory := new(s3io.Memory)
	log := &s3io.Records{Tuning: always, Bucket: &s3io.Faulty{Bucket: memory, After: func(op s3io.Op, key string) error {
		if op == s3io.OpPut && strings.HasSuffix(key, "index.json") {
			return retrain.Errorf(retrain.ConflictError, "the condition does not hold")
		}
		return nil
	}}}
	appendNew(t, log, batch("one", begin, retrain.Record{"n": 1.}))
	compact(t, log, products)
	log = &s3io.Records{Bucket: memory, Tuning: always}
	if got := stored(t, log, nil); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	compact(t, log, products)
	if got, left := stored(t, log, nil), keys(t, memory, "resources/products/log/"); len(got) != 1 || len(left) != 0 {
		t.Errorf("compacted again: got %v, left %q", got, left)
	}
}

// An index that names what is not there is damage, and not somebody else's progress.
func TestAnIndexWithoutItsSegments(t *testing.T) {
	memory := new(s3io.Memory)
	log := &s3io.Records{Bucket: memory, Tuning: always}
	appendNew(t, log, batch("one", begin, retrain.Record{"n": 1.}))
	const key = "resources/products/log/one.jsonl.zst"
	object, _, err := memory.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	compact(t, log, products)
	if _, err := memory.Put(t.Context(), key, object, s3io.IfAbsent); err != nil { // has it been absorbed? the segment would say
		t.Fatal(err)
	}
	for _, folder := range []string{"packs", "segments"} {
		for _, key := range keys(t, memory, "resources/products/"+folder) {
			if err := memory.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = (&s3io.Records{Bucket: memory}).Snapshot(t.Context(), products, nil)
	if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "segments/") {
		t.Errorf("got %v, want what is missing", err)
	}
}
