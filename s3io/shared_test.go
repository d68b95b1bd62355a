package s3io_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// gated returns a bucket whose puts tell that they begin, and wait for a word.
func gated(b s3io.Bucket) (bucket s3io.Bucket, began <-chan string, goOn chan<- error) {
	begins, ends := make(chan string), make(chan error)
	return &s3io.Faulty{Bucket: b, Before: func(op s3io.Op, key string) error {
		if op != s3io.OpPut {
			return nil
		}
		begins <- key
		return <-ends
	}}, begins, ends
}

func TestSmallBatchesShareAnObject(t *testing.T) {
	memory := new(s3io.Memory)
	bucket, began, goOn := gated(memory)
	log := &s3io.Shared{Records: &s3io.Records{Bucket: bucket, Tuning: always}}
	var all sync.WaitGroup
	var stored atomic.Int32
	send := func(b retrain.Batch) {
		all.Go(func() {
			isNew, err := log.Append(t.Context(), b)
			if err != nil {
				t.Error(err)
			}
			if isNew {
				stored.Add(1)
			}
		})
	}
	send(batch("first", begin, retrain.Record{"n": 0.}))
	<-began // while it is on its way ...
	const n = 20
	for i := range n {
		send(batch(fmt.Sprint("b", i), begin.Add(time.Duration(i+1)), retrain.Record{"n": float64(i + 1)}))
	}
	send(batch("first", begin, retrain.Record{"n": 0.})) // sent again by somebody impatient
	if _, err := log.Append(t.Context(), batch("broken", begin, retrain.Record{"id": []any{}})); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("got %v", err) // and harms nobody
	}
	go func() {
		for range began {
			goOn <- nil
		}
	}()
	goOn <- nil
	all.Wait()
	objects := keys(t, memory, "resources/products/log/")
	if len(objects) > n || stored.Load() != n+1 {
		t.Errorf("%d were stored, in %q", stored.Load(), objects)
	}
	for i := range n { // alone, and known all the same
		again := &s3io.Shared{Records: &s3io.Records{Bucket: memory}}
		if isNew, err := again.Append(t.Context(), batch(fmt.Sprint("b", i), begin, retrain.Record{})); isNew || err != nil {
			t.Fatalf("again: got %v, %v, want false", isNew, err)
		}
	}
	reader := &s3io.Records{Bucket: memory, Tuning: always}
	if ids := snapshot(t, reader, "products", nil); len(ids.Batches()) != n+1 {
		t.Errorf("the snapshot has %q", ids.Batches())
	}
	for range 2 {
		got := numbersOf(t, reader)
		slices.Sort(got)
		for i, v := range got {
			if len(got) != n+1 || v != float64(i) {
				t.Fatalf("got %v", got)
			}
		}
		compact(t, reader, products)
	}
}

func numbersOf(t *testing.T, log *s3io.Records) (got []float64) {
	for _, r := range stored(t, log, nil) {
		n, _ := r["n"].(float64)
		got = append(got, n)
	}
	return got
}

func TestWhoGivesUpIsNotWaitedFor(t *testing.T) {
	memory := new(s3io.Memory)
	bucket, began, goOn := gated(memory)
	log := &s3io.Shared{Records: &s3io.Records{Bucket: bucket}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := log.Append(ctx, batch("b", begin, retrain.Record{}))
		ended <- err
	}()
	<-began
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	goOn <- nil
}

// BenchmarkShared inserts 10,000 records by themselves, as fast as clients of so many at the same time do.
func BenchmarkShared(b *testing.B) {
	for _, clients := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			bucket := open(b, gateway(b))
			log := &s3io.Shared{Records: &s3io.Records{Bucket: bucket}}
			rows := productRows(0, 1)
			const n = 10000
			took := make([]time.Duration, n)
			for b.Loop() {
				var next atomic.Int64
				var all sync.WaitGroup
				for range clients {
					all.Go(func() {
						for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
							began := time.Now()
							batch := retrain.Batch{ID: fmt.Sprint(b.N, "-", clients, "-", i, "-", began.UnixNano()), Resource: "products", At: began, Records: rows}
							if _, err := log.Append(b.Context(), batch); err != nil {
								b.Error(err)
							}
							took[i] = time.Since(began)
						}
					})
				}
				all.Wait()
			}
			slices.Sort(took)
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(took[n/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[n*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(len(keys(b, bucket, "resources/products/log/")))/float64(b.N), "objects")
		})
	}
}

// TestCame: each batch of the log brings what was inserted with it, whatever has become of its records since.
func TestCame(t *testing.T) {
	log := &s3io.Records{Bucket: new(s3io.Memory), Tuning: always}
	appendNew(t, log, batch("absorbed", begin, retrain.Record{"id": "1"}))
	compact(t, log, products)
	list := []retrain.Batch{
		batch("x", begin, retrain.Record{"id": "1", "n": 1.}, retrain.Record{"id": "2", "n": 2.}),
		{ID: "gone", Resource: "products", At: begin, Gone: true, Records: []retrain.Record{{"id": "2"}}},
		batch("y", begin.Add(1), retrain.Record{"id": "1", "n": 3.}),
	}
	if _, err := log.AppendAll(t.Context(), "products", list); err != nil {
		t.Fatal(err)
	}
	appendNew(t, log, batch("z", begin.Add(2), retrain.Record{"id": "3", "n": 4.}))
	d := snapshot(t, log, "products", nil)
	came := func(d retrain.Dataset) map[string]int {
		got := make(map[string]int)
		for b, err := range log.Came(t.Context(), d) {
			if err != nil {
				t.Fatal(err)
			}
			got[b.Batch] += b.Table.Rows
		}
		return got
	}
	if got, want := came(d), map[string]int{"x": 2, "y": 1, "z": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i := range d.Objects {
		if o := &d.Objects[i]; len(o.Batches) > 0 {
			o.Batches = []string{"y"}
		}
	}
	compact(t, log, products) // meanwhile
	if got, want := came(d), map[string]int{"y": 1, "z": 1}; !maps.Equal(got, want) {
		t.Errorf("of some: got %v, want %v", got, want)
	}
}
