package retrain_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"retrain"
)

// inserter is that of a process that lives on.
func (w *world) inserter() *retrain.Inserter {
	return &retrain.Inserter{Catalog: w.catalog, Records: w.records(), Counter: w.ledger, Accepts: acceptAll, Request: w.request, Now: w.clock, Log: discard}
}

func TestUpdateAndDelete(t *testing.T) {
	w := newWorld(t)
	w.compacts = true
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	in := w.inserter()
	changing := func(id string, records ...retrain.Record) retrain.Batch {
		return retrain.Batch{ID: id, Resource: "products", At: noon, Records: records} // all at the same moment, and some before
	}
	insert := changing("z", retrain.Record{"id": "a", "n": 1., "t": "x"}, retrain.Record{"id": 7., "n": 2.}, retrain.Record{"id": "c"})
	insert.At = noon.Add(1)
	if _, err := in.Insert(t.Context(), insert); err != nil {
		t.Fatal(err)
	}
	for i, act := range []struct {
		do   func() (retrain.Updated, error)
		want int
		err  string
	}{
		{func() (retrain.Updated, error) {
			return in.Update(t.Context(), changing("b1", retrain.Record{"id": "a", "n": 3.}, retrain.Record{"id": "7", "t": "y"}), false)
		}, 2, ""},
		{func() (retrain.Updated, error) {
			return in.Update(t.Context(), changing("b2", retrain.Record{"id": "a", "u": 4.}), true)
		}, 1, ""},
		{func() (retrain.Updated, error) {
			return in.Update(t.Context(), changing("b3", retrain.Record{"id": "c", "n": 9.}, retrain.Record{"id": "nobody"}), false)
		}, 0, `resource "products" has no record "nobody"`},
		{func() (retrain.Updated, error) {
			return in.Update(t.Context(), changing("b4", retrain.Record{"n": 9.}), false)
		}, 0, "record 1 has no id"},
		{func() (retrain.Updated, error) {
			return in.Delete(t.Context(), changing("b5", retrain.Record{"id": "c"}))
		}, 1, ""},
		{func() (retrain.Updated, error) {
			return in.Delete(t.Context(), changing("b6", retrain.Record{"id": "c"}))
		}, 0, `has no record "c"`},
		{func() (retrain.Updated, error) { // sent again: nothing was wrong with it
			return in.Delete(t.Context(), changing("b5", retrain.Record{"id": "c"}))
		}, 1, ""},
		{func() (retrain.Updated, error) { // nor does it undo what came later
			return in.Update(t.Context(), changing("b1", retrain.Record{"id": "a", "n": 3.}, retrain.Record{"id": "7", "t": "z"}), false)
		}, 2, ""},
	} {
		got, err := act.do()
		if got.Updated != act.want || (err == nil) != (act.err == "") || err != nil && !strings.Contains(err.Error(), act.err) {
			t.Errorf("act %d: got %+v, %v, want %d, %q", i, got, err, act.want, act.err)
		}
		if i%2 == 0 {
			w.again(w.compact)
		}
	}
	if _, err := in.Update(t.Context(), retrain.Batch{ID: "x", Resource: "nothing"}, false); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("a resource that is none: %v", err)
	}
	data, err := w.records().Snapshot(t.Context(), retrain.Resource{Name: "products"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []retrain.Record
	for table, err := range w.records().Tables(t.Context(), data) {
		if err != nil {
			t.Fatal(err)
		}
		for r := range table.Records() {
			got = append(got, r)
		}
	}
	want := []retrain.Record{{"id": 7., "n": 2., "t": "y"}, {"id": "a", "u": 4.}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	s, err := w.ledger.State(t.Context(), "price")
	if err != nil || s.Inserted != 3+2+1 {
		t.Errorf("%d rows counted, %v, want 6", s.Inserted, err)
	}
	w.redis.FlushAll()
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	if s, err = w.ledger.State(t.Context(), "price"); err != nil || s.Inserted != 6 {
		t.Errorf("%d rows counted from S3, %v, want 6", s.Inserted, err)
	}
}
