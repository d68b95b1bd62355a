package app_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
)

// opened returns the parts over a Redis and a bucket of the test's own, with a resource and a model.
func opened(t *testing.T) *app.App {
	t.Helper()
	store := testenv.S3(t)
	c, err := app.Parse("retrain.yaml", []byte(`
resources: {products: {}}
models: {price: {type: regression, resource: products, features: [cost], target: price, autoTrain: true, trainAfterInserts: 100}}
`))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.Addr = testenv.Redis(t)
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() }) // nobody needs it any more
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return a
}

func insert(t *testing.T, a *app.App, batch string) retrain.Inserted {
	t.Helper()
	records := []retrain.Record{{"cost": 1.0, "price": 2.0}, {"cost": 2.0, "price": 4.0}}
	in, err := a.Inserter.Insert(t.Context(), retrain.Batch{ID: batch, Resource: "products", At: time.Now(), Records: records})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func status(t *testing.T, a *app.App) retrain.ModelStatus {
	t.Helper()
	all, err := a.Status(t.Context(), "price")
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// A Redis that lost everything costs nobody anything: the next insert, or the next look, finds the count in S3.
func TestCountsSurviveRedis(t *testing.T) {
	a := opened(t)
	insert(t, a, "one")
	insert(t, a, "one")
	if got, want := status(t, a).InsertsSinceTraining, 2; got != want {
		t.Errorf("%d counted, want %d", got, want)
	}
	flush := func() {
		if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	if got, want := status(t, a).InsertsSinceTraining, 2; got != want {
		t.Errorf("after a loss: %d counted, want %d", got, want)
	}
	flush()
	insert(t, a, "two")
	if got, want := status(t, a).InsertsSinceTraining, 4; got != want {
		t.Errorf("an insert after a loss: %d counted, want %d", got, want)
	}
}

func TestRequestsCoalesce(t *testing.T) {
	a := opened(t)
	first, err := a.Train(t.Context(), "price", true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := a.Train(t.Context(), "price", true)
	if err != nil {
		t.Fatal(err)
	}
	if first != again || first.Number != 1 {
		t.Errorf("runs %s and %s, want one", first, again)
	}
	if s := status(t, a); s.State != retrain.ModelQueued || s.Run == nil || s.Run.Run != "price-1" {
		t.Errorf("status %+v", s)
	}
}

func TestRollback(t *testing.T) {
	a := opened(t)
	if _, err := a.Rollback(t.Context(), "price", 1); retrain.CodeOf(err) != retrain.ModelNotTrainedError {
		t.Errorf("without a version: %v", err)
	}
	for n := 1; n <= 4; n++ {
		publish(t, a, n)
	}
	for _, step := range []struct {
		name    string
		promote int // or else roll back
		steps   int
		want    int // 0: it cannot be
	}{
		{"by one", 0, 1, 3},
		{"and one more", 0, 1, 2},
		{"a person knows better", 4, 0, 4},
		{"which is taken back", 0, 1, 2},
		{"further than there is", 0, 2, 0},
		{"to the first", 0, 1, 1},
		{"before the first", 0, 1, 0},
		{"to the last", 4, 0, 4},
		{"to what was published last but a person took back", 0, 1, 1},
	} {
		var c retrain.Champion
		var err error
		if step.promote > 0 {
			c, err = a.Promote(t.Context(), "price", step.promote)
		} else {
			c, err = a.Rollback(t.Context(), "price", step.steps)
		}
		if step.want == 0 {
			if retrain.CodeOf(err) != retrain.NotFoundError {
				t.Errorf("%s: %v, want a NotFoundError", step.name, err)
			}
		} else if err != nil || c.Version != step.want {
			t.Errorf("%s: version %d, %v, want %d", step.name, c.Version, err, step.want)
		}
	}
}

// publish publishes a version and makes it champion, as a run does.
func publish(t *testing.T, a *app.App, n int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	mf := retrain.Manifest{Format: 1, Model: "price", Version: n}
	if _, err := a.Registry.Publish(ctx, mf, fstest.MapFS{"model": {Data: []byte{byte(n)}}}); err != nil {
		t.Fatal(err)
	}
	_, err := a.Registry.MoveChampion(ctx, "price", func(c retrain.Champion) (retrain.Champion, bool) { return c.Next(n, time.Now(), "rule always") })
	if err != nil {
		t.Fatal(err)
	}
}
