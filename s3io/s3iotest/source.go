package s3iotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// A World is a source over a bucket, and who writes there. Its resource has the partition byKind, by the field kind.
type World struct {
	Bucket   s3io.Bucket           // where the objects of its snapshots lie
	Resource retrain.Resource      //
	Updates  bool                  // a record that is written again replaces the one before; otherwise it is another row
	Write    func(*retrain.Record) // stores a record, after all that were written before
	Remove   func(id string)       // deletes a record; nil where nobody can

	// Open returns the source as a process has it that was just started, over the bucket or what stands before it.
	Open func(b s3io.Bucket) retrain.Source
}

// TestSource tests a source; open returns an empty one.
func TestSource(t *testing.T, open func(t *testing.T) *World) {
	for name, test := range map[string]func(*testing.T, *World){
		"nothing":                           testNothing,
		"each record once, in order":        testOnce,
		"values":                            testValues,
		"a partition has its own":           testPartition,
		"the latest state":                  testLatest,
		"a snapshot stays what it was":      testSnapshotStays,
		"batches are counted once":          testBatches,
		"an object is gone":                 testGone,
		"whatever cannot be read":           testUnreadable,
		"a listing that fails":              testUnlisted,
		"who has enough stops":              testEnough,
		"a context that ended, for sources": testSourceContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func (w *World) write(n int, kind string) {
	r := retrain.Record{"id": fmt.Sprintf("r%04d", n), "kind": kind, "n": float64(n)}
	w.Write(&r)
}

// snapshot returns a snapshot as a worker has it, to which it came as JSON.
func (w *World) snapshot(t *testing.T, p *retrain.PartitionRef) (d retrain.Dataset) {
	t.Helper()
	made, err := w.Open(w.Bucket).Snapshot(t.Context(), w.Resource, p)
	check(t, err)
	text, err := json.Marshal(made)
	check(t, err)
	check(t, json.Unmarshal(text, &d))
	return d
}

// read reads a snapshot in another process.
func (w *World) read(ctx context.Context, b s3io.Bucket, d retrain.Dataset) (all []retrain.Record, err error) {
	for table, err := range w.Open(b).Tables(ctx, d) {
		if err != nil {
			return all, err
		}
		for r := range table.Records() {
			all = append(all, r)
		}
	}
	return all, nil
}

func (w *World) all(t *testing.T, p *retrain.PartitionRef) []retrain.Record {
	t.Helper()
	records, err := w.read(t.Context(), w.Bucket, w.snapshot(t, p))
	check(t, err)
	return records
}

func numbers(records []retrain.Record) (list []int) {
	for _, r := range records {
		n, _ := r["n"].(float64) // 0 is none of those that are written
		list = append(list, int(n))
	}
	return list
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

func testNothing(t *testing.T, w *World) {
	if got := w.all(t, nil); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func testOnce(t *testing.T, w *World) {
	const n = 30
	for i := range n {
		w.write(i+1, "a")
	}
	if got := numbers(w.all(t, nil)); !slices.Equal(got, upTo(n)) {
		t.Errorf("got %v", got)
	}
}

func testValues(t *testing.T, w *World) {
	want := retrain.Record{"id": "ü/1", "kind": "a b", "n": -1234.5625, "text": "ação \"é\", ótima 🚀", "yes": true}
	written := maps.Clone(want)
	w.Write(&written)
	if got := w.all(t, nil); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func testPartition(t *testing.T, w *World) {
	kinds := []string{"elec", "electronics", "a/b", "a", "..", "é", "a b", "%2F"}
	for i := range 4 * len(kinds) {
		w.write(i+1, kinds[i%len(kinds)])
	}
	for i, kind := range kinds {
		p := &retrain.PartitionRef{Name: "byKind", Values: map[string]any{"kind": kind}}
		want := []int{i + 1, i + 1 + len(kinds), i + 1 + 2*len(kinds), i + 1 + 3*len(kinds)}
		if got := numbers(w.all(t, p)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", kind, got, want)
		}
	}
	none := &retrain.PartitionRef{Name: "byKind", Values: map[string]any{"kind": "electro"}}
	if got := w.all(t, none); len(got) != 0 {
		t.Errorf("a value that none has: got %v", got)
	}
}

// sorted returns the numbers without their order: servers keep times in whole seconds.
func sorted(records []retrain.Record) []int { return slices.Sorted(slices.Values(numbers(records))) }

func testLatest(t *testing.T, w *World) {
	if !w.Updates {
		t.Skip("it has no updates")
	}
	for i := range 5 {
		w.write(i+1, "a")
	}
	w.Write(&retrain.Record{"id": "r0002", "kind": "b", "n": 20.})
	if got := sorted(w.all(t, nil)); !slices.Equal(got, []int{1, 3, 4, 5, 20}) {
		t.Errorf("got %v", got)
	}
	p := &retrain.PartitionRef{Name: "byKind", Values: map[string]any{"kind": "a"}}
	if got := sorted(w.all(t, p)); !slices.Equal(got, []int{1, 3, 4, 5}) {
		t.Errorf("the partition that it has left: got %v", got)
	}
	if w.Remove == nil {
		return
	}
	w.Remove("r0003")
	if got := sorted(w.all(t, nil)); !slices.Equal(got, []int{1, 4, 5, 20}) {
		t.Errorf("after one is deleted: got %v", got)
	}
}

func testSnapshotStays(t *testing.T, w *World) {
	for i := range 5 {
		w.write(i+1, "a")
	}
	before := w.snapshot(t, nil)
	w.write(6, "a")
	if w.Remove != nil {
		w.Remove("r0001")
	}
	got, err := w.read(t.Context(), w.Bucket, before)
	check(t, err)
	if !slices.Equal(numbers(got), upTo(5)) {
		t.Errorf("got %v", numbers(got))
	}
	want := upTo(6)
	if w.Remove != nil {
		want = want[1:]
	}
	if got := numbers(w.all(t, nil)); !slices.Equal(got, want) {
		t.Errorf("the next has %v, want %v", got, want)
	}
}

// Rows are counted by their batches, so a batch must be the same whenever it is seen.
func testBatches(t *testing.T, w *World) {
	w.write(1, "a")
	before := w.snapshot(t, nil)
	again := w.snapshot(t, nil)
	if !slices.Equal(before.Batches(), again.Batches()) {
		t.Errorf("got %q, then %q", before.Batches(), again.Batches())
	}
	w.write(2, "a")
	after := w.snapshot(t, nil)
	is := after.Batches()
	for _, id := range before.Batches() {
		if !slices.Contains(is, id) {
			t.Errorf("%s is no longer among %q", id, is)
		}
	}
	if slices.Sort(is); len(slices.Compact(is)) != len(after.Batches()) || len(is) <= len(before.Batches()) {
		t.Errorf("batches %q, were %q", after.Batches(), before.Batches())
	}
}

// held returns an object of a snapshot that has records.
func held(t *testing.T, d *retrain.Dataset) string {
	t.Helper()
	for _, o := range slices.Backward(d.Objects) {
		if o.Batch != "" {
			return o.Key
		}
	}
	t.Fatal("a snapshot without objects")
	return ""
}

func testGone(t *testing.T, w *World) {
	for i := range 5 {
		w.write(i+1, "a")
	}
	d := w.snapshot(t, nil)
	key := held(t, &d)
	check(t, w.Bucket.Delete(t.Context(), key))
	_, err := w.read(t.Context(), w.Bucket, d)
	if want(t, err, retrain.NotFoundError); !strings.Contains(err.Error(), key) {
		t.Errorf("%v does not name %s", err, key)
	}
}

var errOnPurpose = errors.New("on purpose")

func testUnreadable(t *testing.T, w *World) {
	for i := range 5 {
		w.write(i+1, "a")
	}
	d := w.snapshot(t, nil)
	for _, o := range d.Objects {
		failing := &s3io.Faulty{Bucket: w.Bucket, Before: func(op s3io.Op, key string) error {
			if op == s3io.OpGet && key == o.Key {
				return retrain.Errorf(retrain.UnavailableError, "get %s: %w", key, errOnPurpose)
			}
			return nil
		}}
		_, err := w.read(t.Context(), failing, d)
		if want(t, err, retrain.UnavailableError); !errors.Is(err, errOnPurpose) || !strings.Contains(err.Error(), o.Key) {
			t.Errorf("%s: got %v", o.Key, err)
		}
	}
}

func testUnlisted(t *testing.T, w *World) {
	w.write(1, "a")
	failing := &s3io.Faulty{Bucket: w.Bucket, Before: func(op s3io.Op, key string) error {
		if op == s3io.OpList {
			return retrain.Errorf(retrain.UnavailableError, "list %s: %w", key, errOnPurpose)
		}
		return nil
	}}
	if _, err := w.Open(failing).Snapshot(t.Context(), w.Resource, nil); !errors.Is(err, errOnPurpose) {
		t.Errorf("got %v", err)
	}
}

func testEnough(t *testing.T, w *World) {
	for i := range 5 {
		w.write(i+1, "a")
	}
	for table, err := range w.Open(w.Bucket).Tables(t.Context(), w.snapshot(t, nil)) {
		check(t, err)
		if table.Rows == 0 {
			t.Error("a table without rows")
		}
		break
	}
}

func testSourceContext(t *testing.T, w *World) {
	w.write(1, "a")
	d := w.snapshot(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Open(w.Bucket).Snapshot(ctx, w.Resource, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("snapshot: got %v", err)
	}
	if _, err := w.read(ctx, w.Bucket, d); !errors.Is(err, context.Canceled) {
		t.Errorf("tables: got %v", err)
	}
}
