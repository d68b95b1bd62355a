package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles/work"
	"retrain/internal/testenv"
	"retrain/mlcore"
	"retrain/tasks"
)

// The model of TensorFlow Serving's documentation, under its name; one with every kind of feature; and a time series.
const declared = `
resources: {halves: {}, flowers: {}, days: {}}
models:
  half_plus_three: {type: regression, resource: halves, features: [x], target: y, modelConfig: {solver: exact}}
  flower: {type: classification, resource: flowers, features: [length, colour, wild, found], target: kind, onMissing: mean, modelConfig: {epochs: 20}}
  sales: {type: timeseries, resource: days, features: [weekday], target: sold, modelConfig: {epochs: 2, lookback: 3, orderBy: day, lstmUnits: 4, denseUnits: 4}}
`

// A stage is a system with a training worker and a prediction worker, which answers at URL and from the queue.
type stage struct {
	*testing.T
	*app.App

	live *retrain.Live
	URL  string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	store := testenv.S3(t)
	c, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis = app.Redis{Addr: testenv.Redis(t)}
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true, AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, App: a, live: a.Live(mlcore.Load, t.TempDir())}
	s.works()
	metrics := httpapi.NewMetrics("test")
	server := httptest.NewServer((&httpapi.Predictions{Models: httpapi.Live{Live: s.live}, Catalog: a.Catalog, Latest: a.Latest, Metrics: metrics, Log: a.Log}).Handler())
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// works starts the workers, which end with the test.
func (s *stage) works() {
	s.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- work.Train(ctx, s.App, httpapi.NewMetrics("test"), new(mlcore.Engine), "", nil, "") }()
	go func() { done <- s.live.Run(ctx) }()
	w := &tasks.Worker{Conn: s.Redis, Predict: s.live.Ask, Log: s.Log}
	if err := w.Start(ctx); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		w.Shutdown()
		stop()
		if err := errors.Join(<-done, <-done, s.Close()); err != nil {
			s.Error(err)
		}
	})
}

// learn inserts records, and trains a model so often.
func (s *stage) learn(model, resource string, records []retrain.Record, versions int) {
	s.Helper()
	b := retrain.Batch{ID: resource, Resource: resource, At: time.Now(), Records: records}
	if _, err := s.Inserter.Insert(s.Context(), b); err != nil {
		s.Fatal(err)
	}
	for version := 1; version <= versions; version++ {
		id, err := s.Train(s.Context(), model, true)
		if err != nil {
			s.Fatal(err)
		}
		testenv.Eventually(s.T, time.Minute, func() error {
			run, err := s.Runs.Run(s.Context(), id)
			if err == nil && run.State() != retrain.Published {
				err = fmt.Errorf("run %s is %s", id, run.State())
			}
			return err
		})
	}
	testenv.Eventually(s.T, time.Minute, func() error {
		if v := s.live.Version(model); v != versions {
			return fmt.Errorf("version %d of %s answers", v, model)
		}
		return nil
	})
}

// learnAll trains what is declared: two versions of the flower, one of the others.
func (s *stage) learnAll() {
	s.Helper()
	s.learn("half_plus_three", "halves", halves(), 1)
	s.learn("flower", "flowers", flowers(60), 2)
	var days []retrain.Record
	for i := range 40 {
		days = append(days, retrain.Record{"id": fmt.Sprint(i), "day": time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "weekday": float64(i % 7), "sold": float64(10 + i%7)})
	}
	s.learn("sales", "days", days, 1)
}

func halves() (records []retrain.Record) {
	for i := range 40 {
		records = append(records, retrain.Record{"id": fmt.Sprint(i), "x": float64(i) / 4, "y": float64(i)/8 + 3})
	}
	return records
}

func flowers(n int) (records []retrain.Record) {
	for i := range n {
		records = append(records, retrain.Record{
			"id": fmt.Sprint(i), "length": float64(i%10) / 2, "colour": []string{"red", "blue", "white"}[i%3], "wild": i%2 == 0,
			"found": time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "kind": []string{"rose", "cornflower", "daisy"}[i%3],
		})
	}
	return records
}
