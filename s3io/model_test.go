package s3io_test

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"retrain"
	"retrain/s3io"
)

// TestReadEqualsModel inserts random batches, in any order and some of them twice, with few ids and few moments so that many
// records replace others, and compares what is read with what a slice and a map say.
func TestReadEqualsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := &s3io.Records{Bucket: new(s3io.Memory)}
		var batches []retrain.Batch
		for i := range rapid.IntRange(0, 12).Draw(rt, "batches") {
			b := batch(strconv.Itoa(i), begin.Add(time.Duration(rapid.IntRange(0, 4).Draw(rt, "at"))))
			for range rapid.IntRange(0, 6).Draw(rt, "rows") {
				r := retrain.Record{"n": float64(rapid.IntRange(0, 99).Draw(rt, "n")), "c": rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "c")}
				if id := rapid.IntRange(0, 9).Draw(rt, "id"); id > 0 {
					r["id"] = strconv.Itoa(id)
				}
				b.Records = append(b.Records, r)
			}
			batches = append(batches, b)
		}
		for _, b := range rapid.Permutation(append(batches, batches[:len(batches)/2]...)).Draw(rt, "order") {
			if _, err := log.Append(t.Context(), b); err != nil {
				rt.Fatal(err)
			}
		}
		var p *retrain.PartitionRef
		if rapid.Bool().Draw(rt, "partition") {
			p = &retrain.PartitionRef{Name: "byC", Values: map[string]any{"c": "x"}}
		}
		if got, want := stored(t, log, p), model(batches, p); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
	})
}

// model returns what a reader must see.
func model(batches []retrain.Batch, p *retrain.PartitionRef) (want []retrain.Record) {
	slices.SortFunc(batches, func(a, b retrain.Batch) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	for _, b := range batches {
		for i, r := range b.Records {
			if r.ID() == "" {
				r["id"] = b.ID + "-" + strconv.Itoa(i+1)
			}
			want = slices.DeleteFunc(want, func(old retrain.Record) bool { return old.ID() == r.ID() })
			want = append(want, r)
		}
	}
	return slices.DeleteFunc(want, func(r retrain.Record) bool { return p != nil && !p.In(r) })
}
