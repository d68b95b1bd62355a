package tasks_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"retrain/internal/embedded"
	"retrain/tasks"
)

// shared is the redis-server of most tests; each test has a database of its own in it.
var shared *server

const databases = 1000

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "retrain-tasks-")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared = &server{dir: dir}
	if err := shared.start(); err != nil {
		log.Print(err)
		return 1
	}
	code := m.Run()
	shared.kill()
	dials := goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial") // it ends a second after its pool is closed
	if err := goleak.Find(dials); err != nil && code == 0 {
		log.Print(err)
		return 1
	}
	return code
}

// A server is a redis-server with an append-only file.
type server struct {
	dir  string
	args []string // besides those of all
	addr string   // stays the same over restarts
	cmd  *exec.Cmd
}

func (s *server) start() error {
	if s.addr == "" {
		s.addr = fmt.Sprint("127.0.0.1:", embedded.FreePort(0))
	}
	_, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command("redis-server", slices.Concat([]string{"--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--databases", strconv.Itoa(databases),
		"--logfile", filepath.Join(s.dir, "redis.log")}, s.args)...)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	conn, err := tasks.Open(tasks.Config{Addr: s.addr})
	if err != nil {
		return err
	}
	defer conn.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if err = conn.Ping(context.Background()); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redis-server: %w", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// kill is kill -9.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// own starts a server that the test may kill.
func own(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), args: args}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

func (s *server) restart(t *testing.T) {
	t.Helper()
	s.kill()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

var lastDatabase atomic.Int32

// connect returns a connection to an empty database of the shared server.
func connect(t *testing.T) *tasks.Conn {
	t.Helper()
	return open(t, tasks.Config{Addr: shared.addr, DB: int(lastDatabase.Add(1)) % databases})
}

func open(t *testing.T, cfg tasks.Config) *tasks.Conn {
	t.Helper()
	c, err := tasks.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// onBoth runs a test on redis-server and on miniredis.
func onBoth(t *testing.T, test func(t *testing.T, c *tasks.Conn)) {
	t.Run("redis-server", func(t *testing.T) { test(t, connect(t)) })
	t.Run("miniredis", func(t *testing.T) { test(t, open(t, tasks.Config{Addr: miniredis.RunT(t).Addr()})) })
}

// eventually waits until ok, ten seconds at most.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quiet logs nothing.
var quiet = slog.New(slog.DiscardHandler)
