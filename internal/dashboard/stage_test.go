package dashboard_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
	"retrain/internal/roles/work"
	"retrain/internal/testenv"
	"retrain/mlcore"
)

const declared = `
resources: {products: {}}
models:
  broken: {type: regression, resource: products, features: [nowhere], target: price}
  price: {type: regression, resource: products, features: [cost, kind], target: price, modelConfig: {epochs: 5}}
  slow: {type: timeseries, resource: products, features: [cost], target: price, modelConfig: {orderBy: day, lookback: 60, lstmUnits: 4, denseUnits: 4, dropout: 0, recurrentDropout: 0, epochs: 100000}}
  size: {type: classification, resource: products, features: [cost], target: kind, autoTrain: true, trainAfterInserts: 1000, modelConfig: {epochs: 5}}
`

// system starts a producer's server and a training worker on real servers, with some records, and returns the server's address.
func system(t *testing.T) (url string, a *app.App) {
	t.Helper()
	a = open(t, declared)
	insert(t, a)
	train(t, a)
	return serve(t, a, ""), a
}

// open joins the parts of a system on real servers, and declares.
func open(t *testing.T, declared string) *app.App {
	t.Helper()
	specs, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	store := testenv.S3(t)
	specs.Redis.Addr = testenv.Redis(t)
	specs.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), specs, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if _, _, err := a.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	return a
}

func insert(t *testing.T, a *app.App) {
	t.Helper()
	var records []retrain.Record
	for i := range 200 {
		cost := float64(i%37) + float64(i%5)/10
		records = append(records, retrain.Record{"id": fmt.Sprint(i), "cost": cost, "kind": []string{"cheap", "dear"}[i%37/19],
			"price": 3*cost + 7 + float64(i%7), "day": float64(i)})
	}
	if _, err := a.Inserter.Insert(t.Context(), retrain.Batch{ID: "all", Resource: "products", Records: records, At: time.Now(), Fresh: true}); err != nil {
		t.Fatal(err)
	}
}

// train has a worker until the test ends.
func train(t *testing.T, a *app.App) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	e := &mlcore.Engine{}
	go func() { ended <- work.Train(ctx, a, httpapi.NewMetrics("test"), e, "", nil, "") }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		e.Close()
	})
}

// serve answers until the test ends, whoever has the key.
func serve(t *testing.T, a *app.App, key string) (url string) {
	t.Helper()
	l, err := httpapi.Listen("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- roles.Produce(ctx, a, httpapi.NewMetrics("test"), l, roles.Entrance{Key: key}) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}
