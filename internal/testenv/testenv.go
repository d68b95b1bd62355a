// Package testenv gives tests the real servers: redis-server and an S3 server, each a process of its own that ends with the
// test binary. A machine without them fails the tests; it does not skip them.
package testenv

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"retrain/internal/embedded"
)

// Redis starts a redis-server for t and returns its address. It has no password, keeps its data in a folder of t, and stops
// at the end of t.
func Redis(t testing.TB) string {
	t.Helper()
	return StartRedis(t).Addr()
}

// StartRedis does as Redis, for tests that kill the server and start it again: on the same folder and port.
func StartRedis(t testing.TB) *embedded.Redis {
	t.Helper()
	r := &embedded.Redis{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	if err := r.Start(t.Context()); errors.Is(err, embedded.ErrNoRedis) {
		t.Fatal("the tests need redis-server in PATH: install the package redis-server")
	} else if err != nil {
		t.Fatalf("start redis-server: %v", err)
	}
	t.Cleanup(r.Stop)
	return r
}

// Eventually waits until f returns nil, and fails t with its last error when that takes longer than timeout.
func Eventually(t testing.TB, timeout time.Duration, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still after %v: %v", timeout, err)
		case <-time.After(pause):
		}
	}
}
