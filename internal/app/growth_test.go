package app_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/s3io"
)

// A counted bucket counts what a server would be asked.
type counted struct {
	s3io.Bucket

	requests atomic.Int64
	lists    atomic.Int64 // of them
}

func (c *counted) Get(ctx context.Context, key string) ([]byte, s3io.ETag, error) {
	c.requests.Add(1)
	return c.Bucket.Get(ctx, key)
}

func (c *counted) GetChanged(ctx context.Context, key string, was s3io.ETag) ([]byte, s3io.ETag, error) {
	c.requests.Add(1)
	return c.Bucket.GetChanged(ctx, key, was)
}

func (c *counted) GetObject(ctx context.Context, key string) (s3io.Object, error) {
	c.requests.Add(1)
	return c.Bucket.GetObject(ctx, key)
}

func (c *counted) Put(ctx context.Context, key string, body []byte, cond s3io.Cond) (s3io.ETag, error) {
	c.requests.Add(1)
	return c.Bucket.Put(ctx, key, body, cond)
}

// List counts a request for each hundred keys: a stricter server than S3, which gives a thousand at once.
func (c *counted) List(ctx context.Context, l s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	return func(yield func(s3io.ObjectInfo, error) bool) {
		keys := 0
		for o, err := range c.Bucket.List(ctx, l) {
			if keys++; keys%100 == 1 {
				c.requests.Add(1)
				c.lists.Add(1)
			}
			if !yield(o, err) {
				return
			}
		}
		if keys == 0 {
			c.requests.Add(1)
			c.lists.Add(1)
		}
	}
}

// withRuns returns a system whose model has had so many runs. All but the last version are gone.
func withRuns(t *testing.T, runs int) (*app.App, *counted) {
	t.Helper()
	c, err := app.Parse("retrain.yaml", []byte(`
resources: {products: {}}
models: {price: {type: regression, resource: products, features: [cost], target: price, keep: 1}}
`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := inMemory(t, c)
	at := time.Now()
	batch := retrain.Batch{ID: "one", Resource: "products", At: at, Records: []retrain.Record{{"id": "1", "cost": 1.0, "price": 2.0}}}
	if _, err := a.Records.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	data, err := a.Records.Snapshot(t.Context(), retrain.Resource{Name: "products"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= runs; n++ {
		id := retrain.RunID{Model: "price", Number: n}
		if err := a.Runs.CreateRun(t.Context(), retrain.Run{ID: id, RequestedAt: at}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Runs.StartRun(t.Context(), id, retrain.Start{BeganAt: at, Dataset: data}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Runs.FinishRun(t.Context(), id, retrain.Result{State: retrain.Published, Version: n, EndedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Registry.Publish(t.Context(), retrain.Manifest{Format: 1, Model: "price", Version: runs}, fstest.MapFS{"saved_model.pb": {}}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Registry.MoveChampion(t.Context(), "price", func(c retrain.Champion) (retrain.Champion, bool) { return c.Next(runs, at, "") }); err != nil {
		t.Fatal(err)
	}
	if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil { // whatever Apply has said of the model
		t.Fatal(err)
	}
	a.Catalog.Forget()
	return a, b
}

// Two runs that are begun to be read ahead may or may not be read to their ends.
const readAhead = 6

// What is asked of S3 by whatever comes again and again, or by a look, is the same however many runs there were.
func TestNothingGrowsWithHistory(t *testing.T) {
	looks := []struct {
		name string
		do   func(ctx context.Context, a *app.App) error
	}{
		{"rebuild", func(ctx context.Context, a *app.App) error { return a.Sweeper.Sweep(ctx) }},
		{"sweep", func(ctx context.Context, a *app.App) error { return a.Sweeper.Sweep(ctx) }},
		{"reconcile", func(ctx context.Context, a *app.App) error { return a.Sweeper.Reconcile(ctx) }},
		{"retention", func(ctx context.Context, a *app.App) error { return a.Keeper.Keep(ctx) }},
		{"compaction", func(ctx context.Context, a *app.App) error { return a.Compact(ctx) }},
		{"what compaction must keep", func(ctx context.Context, a *app.App) error { _, err := a.Records.Pinned(ctx, "products"); return err }},
		{"status", func(ctx context.Context, a *app.App) error { _, err := a.Status(ctx, ""); return err }},
		{"stats", func(ctx context.Context, a *app.App) error { _, err := a.Stats(ctx, "price"); return err }},
		{"5 runs", func(ctx context.Context, a *app.App) error { _, err := a.ListRuns(ctx, "price", 5); return err }},
		{"5 runs before", func(ctx context.Context, a *app.App) error { _, err := a.RunsBefore(ctx, "price", 9, 5); return err }},
		{"versions", func(ctx context.Context, a *app.App) error { _, err := a.ListVersions(ctx, "price"); return err }},
	}
	asked := make(map[string][]int64)
	for _, runs := range []int{10, 100, 1000} {
		a, b := withRuns(t, runs)
		for _, look := range looks {
			b.requests.Store(0)
			if err := look.do(t.Context(), a); err != nil {
				t.Fatalf("%s: %v", look.name, err)
			}
			asked[look.name] = append(asked[look.name], b.requests.Load())
		}
	}
	for _, look := range looks {
		of := asked[look.name]
		t.Logf("requests with 10, 100, 1,000 runs: %v: %s", of, look.name)
		if of[2] > of[0]+readAhead {
			t.Errorf("%s: %s", look.name, fmt.Sprint(of))
		}
	}
}
