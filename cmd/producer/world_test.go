package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"retrain/internal/app"
	"retrain/internal/httpapi"
)

func (s *stage) open() (*app.App, error) {
	return app.Open(s.Context(), &s.config, slog.New(slog.DiscardHandler))
}

// predictions returns the HTTP side of a prediction worker.
func predictions(s *stage) http.Handler {
	s.Helper()
	a, err := s.open()
	if err != nil {
		s.Fatal(err)
	}
	live := a.Live(loadMean, s.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- live.Run(ctx) }()
	s.Cleanup(func() {
		stop()
		<-done
		_ = a.Close() // nobody needs it any more
	})
	s.eventually(func() error {
		_, _, err := live.Predict(ctx, "price", nil)
		return err
	})
	return (&httpapi.Predictions{Models: httpapi.Live{Live: live}, Catalog: a.Catalog, Metrics: httpapi.NewMetrics("test"), Log: a.Log}).Handler()
}

func chmod(t *testing.T, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
}
