package s3io_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// A listed bucket counts the keys that it has listed.
type listed struct {
	s3io.Bucket

	keys int
}

func (l *listed) List(ctx context.Context, q s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	return func(yield func(s3io.ObjectInfo, error) bool) {
		for o, err := range l.Bucket.List(ctx, q) {
			if l.keys++; !yield(o, err) {
				return
			}
		}
	}
}

// A survey says of each resource what a snapshot does, whatever has come since the one before, and does not go through segments.
func TestSurvey(t *testing.T) {
	t.Parallel()
	b := &listed{Bucket: new(s3io.Memory)}
	r := &s3io.Records{Bucket: b}
	for i := range 5000 {
		if _, err := b.Put(t.Context(), fmt.Sprintf("resources/large/segments/%d", i), nil, s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Put(t.Context(), "resources/.specs.json", []byte("{}"), s3io.Always); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"none": nil}
	for round := range 3 {
		for _, resource := range []string{"before", "large", "large 2", "later"} {
			if round == 1 && resource != "later" {
				continue // the others are what they were
			}
			id := fmt.Sprint("batch-", round)
			if _, err := r.Append(t.Context(), retrain.Batch{ID: id, Resource: resource, At: time.Now(), Records: []retrain.Record{{"id": "1"}}}); err != nil {
				t.Fatal(err)
			}
			want[resource] = append(want[resource], id)
		}
		b.keys = 0
		snapshots, err := r.Survey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b.keys > 1100 {
			t.Errorf("listed %d keys, want no more of the segments than a thousand", b.keys)
		}
		for resource, batches := range want {
			d, err := snapshots(t.Context(), retrain.Resource{Name: resource})
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Batches(); d.Resource != resource || !slices.Equal(got, batches) {
				t.Errorf("round %d: %s has %v, want %v", round, d.Resource, got, batches)
			}
		}
	}
}
