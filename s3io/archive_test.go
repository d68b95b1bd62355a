package s3io_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// TestWhatBatchesBrought asks for it while packs are kept, and after.
func TestWhatBatchesBrought(t *testing.T) {
	now := time.Now()
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always, Now: func() time.Time { return now }}
	id := func(id string, n float64) retrain.Record { return retrain.Record{"id": id, "n": n} }
	appendNew(t, log, batch("one", begin, id("a", 1), id("b", 2)))
	gone := batch("two", begin.Add(1), id("b", 0))
	gone.Gone = true
	appendNew(t, log, gone)
	compact(t, log, products)
	if _, err := log.AppendAll(t.Context(), "products", []retrain.Batch{
		batch("three", begin.Add(2), id("a", 3), id("c", 4)), batch("four", begin.Add(3), id("d", 5)), batch("five", begin.Add(3), id("e", 6), id("f", 7)),
	}); err != nil {
		t.Fatal(err)
	}
	compact(t, log, products)
	const shared = "three[map[id:a n:3] map[id:c n:4]]four[map[id:d n:5]]five[map[id:e n:6] map[id:f n:7]]"
	for _, c := range []struct {
		name string
		want map[int]string
	}{
		{"kept", map[int]string{1: "one[map[id:a n:1] map[id:b n:2]]", 2: shared}},
		{"gone", map[int]string{1: "", 2: strings.Replace(shared, "four[map[id:d n:5]]five[map[id:e n:6] map[id:f n:7]]", "five[map[id:e n:6] map[id:f n:7]]four[map[id:d n:5]]", 1)}},
	} {
		for n, want := range c.want {
			var got strings.Builder
			for b, err := range log.Brought(t.Context(), "products", n) {
				if err != nil {
					t.Fatal(err)
				}
				if records := collect(b.Table); len(records) > 0 {
					fmt.Fprint(&got, b.Batch, records)
				}
			}
			if got.String() != want {
				t.Errorf("%s: absorption %d brought %q, want %q", c.name, n, got.String(), want)
			}
			ids, err := log.Absorbed(t.Context(), "products", n)
			if want := [][]string{{"one", "two"}, {"three", "five", "four"}}[n-1]; !reflect.DeepEqual(ids, want) || err != nil {
				t.Errorf("%s: absorption %d has %q, %v, want %q", c.name, n, ids, err, want)
			}
		}
		now = now.Add(48 * time.Hour)
		compact(t, log, products)
	}
	if left := keys(t, log.Bucket, "resources/products/packs/"); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	if left := keys(t, log.Bucket, "resources/products/segments/"); len(left) != 4 { // main, by1, batches, known: the deletion is of long ago
		t.Errorf("left %q", left)
	}
}

// A pack that was deleted while the index still names it, since whoever cleans dies between the two, is not missed.
func TestWhatBatchesBroughtWithoutTheirPack(t *testing.T) {
	bucket := new(s3io.Memory)
	log := &s3io.Records{Bucket: bucket, Tuning: always}
	appendNew(t, log, batch("one", begin, retrain.Record{"id": "a"}, retrain.Record{"id": "b"}))
	appendNew(t, log, batch("two", begin.Add(1), retrain.Record{"id": "c"}))
	compact(t, log, products)
	brought := func() string {
		var got strings.Builder
		for b, err := range log.Brought(t.Context(), "products", 1) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(&got, b.Batch, collect(b.Table))
			for _, key := range keys(t, bucket, "resources/products/packs/") { // while it is read
				if err := bucket.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		}
		return got.String()
	}
	const want = "one[map[id:a] map[id:b]]two[map[id:c]]"
	for _, when := range []string{"as it goes", "gone"} {
		if got := brought(); got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
}

func collect(t *retrain.Table) (all []retrain.Record) {
	for r := range t.Records() {
		all = append(all, r)
	}
	return all
}
