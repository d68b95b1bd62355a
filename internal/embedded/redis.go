package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Redis is the system's redis-server as a child process. It answers on the loopback interface alone, appends every command
// to a file in Dir, and never drops a key for lack of memory.
type Redis struct {
	Dir      string // of its data; created
	Port     int    // preferred; 0: any
	Password string // "" for none
	Log      *slog.Logger

	child *child
}

// ErrNoRedis is returned by Start on a machine without redis-server.
var ErrNoRedis = errors.New("no redis-server")

// How long a redis-server may take to write what it has to write and end.
const redisGrace = 10 * time.Second

// Start returns when the server answers. A server that an earlier process left behind on the same directory is ended first.
// The port may be another one afterwards.
func (r *Redis) Start(ctx context.Context) error {
	program, err := redisProgram()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return err
	}
	lock, err := r.takeOver(ctx)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer lock.Close() // the child has its own copy, which holds the lock
	for range 3 {      // the port that was free may be taken in the meantime
		r.Port = FreePort(r.Port)
		if err = r.start(ctx, program, lock); err == nil || ctx.Err() != nil {
			break
		}
		r.Port = 0
	}
	return err
}

func redisProgram() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoRedis
}

// takeOver waits until nobody works on the directory any more, and locks it. A server inherits the lock, so that it is free
// exactly when the last server is gone, whatever became of the process that had started it.
func (r *Redis) takeOver(ctx context.Context) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(r.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			_ = os.Remove(r.path("pid")) // of the last server; the next one writes its own
			return lock, nil
		}
		sig := syscall.SIGTERM
		if time.Since(began) > redisGrace {
			sig = syscall.SIGKILL
		}
		if pid, ok := r.pid(); ok { // whoever holds the lock wrote it
			_ = syscall.Kill(pid, sig)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), lock.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (r *Redis) pid() (int, bool) {
	b, _ := os.ReadFile(r.path("pid"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid, err == nil && pid > 1
}

func (r *Redis) path(name string) string { return filepath.Join(r.Dir, name) }

// start runs the program and returns when it answers.
func (r *Redis) start(ctx context.Context, program string, lock *os.File) error {
	if err := WriteFile(r.path("redis.conf"), []byte(r.config())); err != nil {
		return err
	}
	cmd := exec.Command(program, r.path("redis.conf"))
	cmd.ExtraFiles = []*os.File{lock}
	var err error
	if r.child, err = start(cmd); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: r.Addr(), Password: r.Password, MaxRetries: -1})
	defer func() { _ = client.Close() }() // it was for this question alone
	for {
		if client.Ping(ctx).Err() == nil { // an error while it reads its file: it goes on waiting
			return nil
		}
		select {
		case <-r.child.done:
			return retrain.Errorf(retrain.UnavailableError, "redis-server ended at once: %w", r.child.err).WithHint("%s", r.lastWords())
		case <-ctx.Done():
			r.child.stop(redisGrace)
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// config is the content of redis.conf. It is a file because a password among the arguments could be read by everybody.
func (r *Redis) config() string {
	var b strings.Builder
	for _, setting := range [][2]string{
		{"bind", "127.0.0.1"}, {"port", strconv.Itoa(r.Port)}, {"dir", quoted(r.Dir)}, {"pidfile", quoted(r.path("pid"))},
		{"logfile", quoted(r.path("log"))}, {"daemonize", "no"}, {"appendonly", "yes"}, {"appendfsync", "everysec"},
		{"save", `""`}, {"maxmemory-policy", "noeviction"}, {"requirepass", quoted(r.Password)},
	} {
		fmt.Fprintf(&b, "%s %s\n", setting[0], setting[1])
	}
	return b.String()
}

// quoted writes s as redis.conf reads strings.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// lastWords returns the end of the server's log.
func (r *Redis) lastWords() string {
	b, err := os.ReadFile(r.path("log"))
	if err != nil {
		return "see " + r.path("log")
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// Addr returns where the server answers.
func (r *Redis) Addr() string { return "127.0.0.1:" + strconv.Itoa(r.Port) }

// Stop ends the server when it has written everything.
func (r *Redis) Stop() {
	if r.child != nil {
		r.child.stop(redisGrace)
	}
}

// Kill ends the server as a fault would, without a chance to write anything.
func (r *Redis) Kill() {
	if r.child != nil {
		r.child.kill()
	}
}

// Keep starts the server again whenever it has died, until ctx ends. Then it stops it.
func (r *Redis) Keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			r.Stop()
			return
		case <-r.child.done:
		}
		if ctx.Err() != nil {
			return
		}
		r.Log.ErrorContext(ctx, "redis-server died and is started again", "err", r.child.err, "log", r.path("log"))
		if err := r.Start(ctx); err != nil {
			r.Log.ErrorContext(ctx, "redis-server", "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}
