package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/embedded"
	"retrain/internal/testenv"
)

func TestHomeIsHeldByOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	h := open(t, dir)
	_, err := embedded.Open(dir)
	if !errors.Is(err, retrain.ConflictError) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second time: got %v, want a ConflictError that names this process", err)
	}
	was := h.Keys
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Keys; got != was {
		t.Errorf("keys: got %v, want %v as before", got, was)
	}
	for _, name := range []string{"keys.json", "lock"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want only the owner to read it", name, info.Mode(), err)
		}
	}
}

func open(t *testing.T, dir string) *embedded.Home {
	t.Helper()
	h, err := embedded.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func TestHomeCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Open(filepath.Join(file, "data")); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("got %v, want a ModelConfigError", err)
	}
}

func TestPortsAreKeptWhereTheyCan(t *testing.T) {
	port := embedded.FreePort(0)
	if got := embedded.FreePort(port); got != port {
		t.Errorf("free: got %d, want %d", got, port)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := embedded.FreePort(port); got == port {
		t.Errorf("taken: got %d again", got)
	}
}

// A redis-server that is left behind, as by a parent that was killed, is ended before the next one starts.
func TestRedisTakesOver(t *testing.T) {
	dir := t.TempDir()
	left := start(t, &embedded.Redis{Dir: dir, Password: "secret"})
	if err := client(t, left).Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	next := start(t, &embedded.Redis{Dir: dir, Password: "secret", Port: left.Port})
	if next.Port != left.Port {
		t.Errorf("port: got %d, want %d", next.Port, left.Port)
	}
	if got := client(t, next).Get(t.Context(), "key").Val(); got != "value" {
		t.Errorf("key: got %q, want value", got)
	}
	refused := redis.NewClient(&redis.Options{Addr: next.Addr()})
	defer refused.Close()
	if err := refused.Ping(t.Context()).Err(); err == nil {
		t.Error("answers without the password")
	}
}

func TestRedisIsKeptAlive(t *testing.T) {
	r := start(t, &embedded.Redis{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	c := client(t, r)
	if err := c.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan struct{})
	go func() { r.Keep(ctx); close(kept) }()
	if err := exec.Command("sh", "-c", "kill -9 $(cat "+filepath.Join(r.Dir, "pid")+")").Run(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, func() error { return c.Get(t.Context(), "key").Err() })
	cancel()
	<-kept
	if c.Ping(t.Context()).Err() == nil {
		t.Error("answers after the end")
	}
}

func TestMiniLetsTimePass(t *testing.T) {
	m := &embedded.Mini{Password: "secret"}
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go m.Keep(ctx)
	c := redis.NewClient(&redis.Options{Addr: m.Addr(), Password: "secret"})
	defer c.Close()
	if err := c.Set(ctx, "key", "value", 300*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 5*time.Second, func() error {
		if err := c.Get(ctx, "key").Err(); !errors.Is(err, redis.Nil) {
			return fmt.Errorf("not expired: %w", err)
		}
		return nil
	})
}

func start(t *testing.T, r *embedded.Redis) *embedded.Redis {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func client(t *testing.T, r *embedded.Redis) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: r.Addr(), Password: r.Password})
	t.Cleanup(func() { c.Close() })
	return c
}
