package s3io_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

func TestFields(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always}
	at := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Minute).UTC() }
	check := func(when string, want []s3io.Field) {
		t.Helper()
		got, err := log.Fields(t.Context(), products.Name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, got\n%+v\nwant\n%+v", when, err, got, want)
		}
	}
	check("nothing is stored", []s3io.Field{})
	appendNew(t, log, batch("a", at(0), retrain.Record{"id": "1", "n": 1.}, retrain.Record{"id": "2", "n": 2.}))
	appendNew(t, log, batch("b", at(1), retrain.Record{"id": "3", "n": 1e300}))
	numbers := s3io.Field{Name: "n", Kinds: []s3io.FieldKind{{Kind: "number", Values: 3, From: at(0), To: at(1)}}}
	ids := s3io.Field{Name: "id", Kinds: []s3io.FieldKind{{Kind: "text", Values: 3, From: at(0), To: at(1)}}}
	check("in the log", []s3io.Field{ids, numbers})
	compact(t, log, products)
	check("compacted", []s3io.Field{ids, numbers})

	appendNew(t, log, batch("c", at(2), retrain.Record{"id": "4", "n": "drifted", "new": true}, retrain.Record{"id": "5", "n": nil, "new": []any{1.}}))
	appendNew(t, log, retrain.Batch{ID: "d", Resource: products.Name, At: at(3), Gone: true, Records: []retrain.Record{{"id": "1"}}})
	ids.Kinds[0].Values, ids.Kinds[0].To = 5, at(2)
	drifted := []s3io.Field{ids, {Name: "n", Kinds: []s3io.FieldKind{numbers.Kinds[0], {Kind: "null", Values: 1, From: at(2), To: at(2)},
		{Kind: "text", Values: 1, From: at(2), To: at(2)}}},
		{Name: "new", Kinds: []s3io.FieldKind{{Kind: "boolean", Values: 1, From: at(2), To: at(2)}, {Kind: "json", Values: 1, From: at(2), To: at(2)}}}}
	check("drifted", drifted)
	for i, mixed := range []bool{false, true, true} {
		if drifted[i].Mixed() != mixed {
			t.Errorf("%s: mixed %t", drifted[i].Name, !mixed)
		}
	}
	if nullable := (s3io.Field{Kinds: []s3io.FieldKind{{Kind: "number"}, {Kind: "null"}}}); nullable.Mixed() {
		t.Error("null is no other kind")
	}
}

func TestFieldsOfOtherSources(t *testing.T) {
	bucket := new(s3io.Memory)
	if _, err := bucket.Put(t.Context(), "lake/a.jsonl", []byte("{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":2}\n"), s3io.Always); err != nil {
		t.Fatal(err)
	}
	lake := retrain.Resource{Name: "lake", Source: "files", Files: &retrain.FilesSource{Prefix: "lake/"}}
	sources := &s3io.Sources{Native: &s3io.Records{Bucket: bucket}, Files: &s3io.Files{Open: func(context.Context, string) (s3io.Bucket, error) { return bucket, nil }}}
	got, err := sources.Fields(t.Context(), lake)
	want := []s3io.FieldKind{{Kind: "number", Values: 2}, {Kind: "text", Values: 1}}
	if err != nil || len(got) == 0 || !reflect.DeepEqual(got[len(got)-1], s3io.Field{Name: "n", Kinds: want}) {
		t.Errorf("got %+v, %v, want n to be %+v", got, err, want)
	}
}
