package s3io_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"retrain"
	"retrain/s3io"
)

// A partition's file says twice what is in it. Whoever reads either reads the same rows, and of the brief one a tenth of the bytes; one that is
// damaged is an error that names the file.
func TestMetadataInBrief(t *testing.T) {
	const rows, kinds = 4000, 20
	bucket := new(s3io.Memory)
	log := &s3io.Records{Bucket: bucket, Tuning: s3io.Tuning{Objects: 1}}
	resource := retrain.Resource{Name: "products", Partitions: map[string][]string{"byKind": {"kind"}}}
	batch := retrain.Batch{ID: "b", Resource: resource.Name, At: time.Now()}
	for n := range rows {
		batch.Records = append(batch.Records, retrain.Record{"id": strconv.Itoa(n), "kind": fmt.Sprint("kind ", n%kinds), "n": float64(n), "t": nil, "m": []any{float64(n)}})
	}
	if _, err := log.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Compact(t.Context(), resource); err != nil {
		t.Fatal(err)
	}
	d, err := log.Snapshot(t.Context(), resource, &retrain.PartitionRef{Name: "byKind", Values: map[string]any{"kind": "kind 7"}})
	if err != nil || len(d.Objects) != 1 {
		t.Fatalf("got %v, %v, want one object", d.Objects, err)
	}
	o := d.Objects[0]
	if o.Brief <= 0 || o.Brief*3 > o.Foot {
		t.Errorf("in brief it is %d bytes of %d", o.Brief, o.Foot)
	}
	inBrief := tableRecords(t, log, d)
	whole := d
	whole.Objects = slices.Clone(d.Objects)
	whole.Objects[0].Brief = 0 // as an older program has it
	if got := tableRecords(t, log, whole); len(got) != rows/kinds || !reflect.DeepEqual(got, inBrief) {
		t.Errorf("in brief there are %d rows, in full %d, or others; want %d", len(inBrief), len(got), rows/kinds)
	}
	body, _, err := bucket.Get(t.Context(), o.Key)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body))); err != nil || file.NumRows() != rows {
		t.Errorf("as any program reads it: %v", err)
	}
	damaged := slices.Clone(body)
	damaged[o.Size-o.Foot-o.Brief/2] ^= 0xff
	if _, err := bucket.Put(t.Context(), o.Key, damaged, s3io.Always); err != nil {
		t.Fatal(err)
	}
	for _, brief := range []int64{o.Brief, o.Brief + 1, o.Brief - 1, 1, o.Size} {
		bad := d
		bad.Objects = slices.Clone(d.Objects)
		bad.Objects[0].ETag, bad.Objects[0].Brief = "", brief
		for _, err := range log.Tables(t.Context(), bad) {
			if brief < o.Size && (!errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), o.Key)) {
				t.Errorf("of %d bytes in brief that are damaged: %v", brief, err)
			}
			break
		}
	}
}

// tableRecords returns the records of a data set.
func tableRecords(t *testing.T, s *s3io.Records, d retrain.Dataset) (records []retrain.Record) {
	t.Helper()
	for table, err := range s.Tables(t.Context(), d) {
		if err != nil {
			t.Fatal(err)
		}
		for r := range table.Records() {
			records = append(records, r)
		}
	}
	return records
}
