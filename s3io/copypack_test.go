package s3io_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// A database that changes a little, again and again, is some objects and not hundreds; every batch is still there, with its rows, and
// old snapshots are read as they were.
func TestManySmallChangesAreFewObjects(t *testing.T) {
	theirs, ours := shop(3), new(s3io.Memory)
	resource := retrain.Resource{Name: "old", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Resource: "products"}}
	long := time.Now().Add(-time.Hour)
	s := sourcesOver(theirs, ours)
	var snapshots []retrain.Dataset
	const changes = 300
	for i := range changes {
		theirs.PutObject(fmt.Sprintf("resource=products/data/id=n%d", i%100), s3io.Object{
			Metadata: map[string]string{"0": fmt.Sprint("name ", i), "_v": "v1"}, LastModified: long.Add(time.Duration(i) * time.Second)})
		if i == 150 { // another process takes over
			s = sourcesOver(theirs, ours)
		}
		d, err := s.Snapshot(t.Context(), resource, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Batches()) != i+1 || len(d.Objects) > 1+changes/256+15+15 {
			t.Fatalf("after %d changes: %d batches in %d objects", i+1, len(d.Batches()), len(d.Objects))
		}
		snapshots = append(snapshots, d)
	}
	for _, at := range []int{0, 14, 15, 16, 120, 254, 255, 299} {
		d := snapshots[at]
		records := byID(t, must(t)(readDataset(t, s, d)))
		if want := 3 + min(at+1, 100); len(records) != want || records[fmt.Sprint("n", at%100)]["name"] != fmt.Sprint("name ", at) {
			t.Errorf("the snapshot after %d changes has %d records, want %d, and %v", at+1, len(records), want, records[fmt.Sprint("n", at%100)])
		}
	}
	now, err := sourcesOver(theirs, ours).Snapshot(t.Context(), resource, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last := snapshots[changes-1]; !slices.Equal(now.Batches(), last.Batches()) || len(now.Objects) != len(last.Objects) {
		t.Errorf("a new process sees %d batches in %d objects, want %d in %d", len(now.Batches()), len(now.Objects), len(last.Batches()), len(last.Objects))
	}
	for _, o := range now.Objects[1:] { // as the sweeper counts
		for _, id := range o.Batches {
			o.Batches = []string{id}
			one := retrain.Dataset{Resource: now.Resource, From: now.From, Objects: []retrain.DataObject{now.Objects[0], o}}
			if rows := must(t)(readDataset(t, s, one)); len(rows) != 1 && id != now.Batches()[0] {
				t.Fatalf("batch %s has %d rows", id, len(rows))
			}
		}
	}
}

func must(t *testing.T) func(records []retrain.Record, err error) []retrain.Record {
	return func(records []retrain.Record, err error) []retrain.Record {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
}

// Wherever a process dies that puts copies together, every batch is still there once.
func TestPackingDies(t *testing.T) {
	resource := retrain.Resource{Name: "old", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Resource: "products"}}
	dead := errors.New("died")
	for lost := range 60 {
		theirs, ours := shop(0), new(s3io.Memory)
		var calls atomic.Int64 // copies are read side by side
		crashing := &s3io.Faulty{Bucket: ours, After: func(s3io.Op, string) error {
			if calls.Add(1) > int64(40+lost) {
				return dead
			}
			return nil
		}}
		s := sourcesOver(theirs, crashing)
		for i := range 20 {
			theirs.PutObject(fmt.Sprintf("resource=products/data/id=n%d", i), s3io.Object{Metadata: map[string]string{"0": "x", "_v": "v1"}, LastModified: begin.Add(time.Duration(i) * time.Second)})
			if _, err := s.Snapshot(t.Context(), resource, nil); errors.Is(err, dead) {
				s = sourcesOver(theirs, ours)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		s = sourcesOver(theirs, ours)
		d, err := s.Snapshot(t.Context(), resource, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(must(t)(readDataset(t, s, d))); got != 20 || len(d.Objects) > 1+1+15 {
			t.Fatalf("after %d calls: %d records in %d objects", 40+lost, got, len(d.Objects))
		}
	}
}
