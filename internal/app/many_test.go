package app_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/s3io"
)

var (
	manyModels    = flag.Int("many", 0, "measure what is done over and over with so many models; 0: not")
	manyResources = flag.Int("many.resources", 0, "that learn from so many resources; 0: each from its own")
)

// many declares models, each of which learns from one of the resources.
func many(t *testing.T, models, resources int) *app.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range resources {
		fmt.Fprintf(&b, "  r%05d: {}\n", i)
	}
	b.WriteString("models:\n")
	for i := range models {
		fmt.Fprintf(&b, "  m%05d: {type: regression, resource: r%05d, features: [cost], target: price, trainAfterInserts: 100}\n", i, i%resources)
	}
	c, err := app.Parse("retrain.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is done over and over, measured on a real server: go test ./internal/app -run TestManyModels -v -many 10000.
func TestManyModels(t *testing.T) {
	if *manyModels == 0 {
		t.Skip("-many says how many models")
	}
	resources := *manyResources
	if resources == 0 {
		resources = *manyModels
	}
	c := many(t, *manyModels, resources)
	c.Redis.Addr = testenv.StartRedis(t).Addr()
	_, store := testenv.StartS3(t)
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b := &counted{Bucket: a.Bucket}
	a.Bucket, a.Specs.Bucket, a.Records.Bucket, a.Registry.Bucket, a.Runs.Bucket = b, b, b, b, b
	apply := func(ctx context.Context) error { _, _, err := a.Apply(ctx, c); return err }
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"apply", apply}, {"apply again", apply},
		{"specs", a.Specs.Gather}, {"specs again", a.Specs.Gather},
		{"sweep", a.Sweeper.Sweep},
		{"reconcile", a.Sweeper.Reconcile}, {"reconcile again", a.Sweeper.Reconcile},
		{"retention", a.Keeper.Keep}, {"retention again", a.Keeper.Keep},
		{"compaction", a.Compact}, {"compaction again", a.Compact},
	} {
		b.requests.Store(0)
		b.lists.Store(0)
		began := time.Now()
		if err := step.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		t.Logf("%-18s %8.2f s, %6d requests, %6d of them LISTs", step.name, time.Since(began).Seconds(), b.requests.Load(), b.lists.Load())
	}
}

// held returns a system that has applied so many models, each with its own resource.
func held(t *testing.T, models int) (*app.App, *counted) {
	t.Helper()
	return inMemory(t, many(t, models, models))
}

// inMemory returns a system that has applied c, and keeps its objects in memory, where its requests are counted.
func inMemory(t *testing.T, c *app.Config) (*app.App, *counted) {
	t.Helper()
	c.Redis.Addr = testenv.StartRedis(t).Addr()
	c.S3 = app.S3{Bucket: "none", Endpoint: "http://127.0.0.1:1", PathStyle: true, AccessKeyID: "a", SecretAccessKey: "b"}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b := &counted{Bucket: new(s3io.Memory)}
	a.Bucket, a.Specs.Bucket, a.Records.Bucket, a.Registry.Bucket, a.Runs.Bucket = b, b, b, b, b
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// What is done over and over lists all models together: not one after the other.
func TestManyModelsAreListedTogether(t *testing.T) {
	t.Parallel()
	const models = 400
	a, b := held(t, models)
	for i := range models {
		batch := retrain.Batch{ID: "one", Resource: fmt.Sprintf("r%05d", i), At: time.Now(), Records: []retrain.Record{{"id": "1", "cost": 1.0, "price": 2.0}}}
		if _, err := a.Records.Append(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range []struct {
		name string
		do   func(context.Context) error
		most int64 // LISTs of a hundred keys each, once nothing changes
	}{
		{"reconcile", a.Sweeper.Reconcile, 12},
		{"retention", a.Keeper.Keep, 200},
		{"compaction", a.Compact, 12},
	} {
		if err := job.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", job.name, err)
		}
		b.lists.Store(0)
		if err := job.do(t.Context()); err != nil {
			t.Fatalf("%s: %v", job.name, err)
		}
		if got := b.lists.Load(); got > job.most {
			t.Errorf("%s of %d models: %d LISTs, want %d at most", job.name, models, got, job.most)
		}
	}
	states := 0
	for i := range models {
		s, err := a.Ledger.State(t.Context(), fmt.Sprintf("m%05d", i))
		if err != nil {
			t.Fatal(err)
		}
		states += s.Inserted
	}
	if states != models {
		t.Errorf("%d rows are counted of %d that were stored", states, models)
	}
}

// Of models that are many those are looked at together whose runs have ended, and each in its turn.
func TestManyModelsAreKeptInTurn(t *testing.T) {
	t.Parallel()
	const models = 450
	a, b := held(t, models)
	looks := func() int64 {
		b.lists.Store(0)
		if err := a.Keeper.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		return b.lists.Load()
	}
	for range 3 {
		if got := looks(); got != 200 {
			t.Errorf("looked at %d models, want 200", got)
		}
	}
	if _, err := a.Train(t.Context(), "m00449", true); err != nil { // whose turn it is not
		t.Fatal(err)
	}
	if got := looks(); got != 201 {
		t.Errorf("looked at %d models, want 200 and the one with a run", got)
	}
}
