// Package embedded runs what a system on one machine needs and nobody has installed: Redis as a child process and, in its
// package gateway, an S3 server over a folder. Both keep their data, ports and passwords in one data directory, so that a
// restart on the directory finds everything where it was.
package embedded

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"retrain"
)

// A Home is a data directory. One process holds it at a time.
type Home struct {
	Dir  string // absolute
	Keys Keys
	lock *os.File
}

// Keys are the secrets and addresses that stay the same from start to start.
type Keys struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	RedisPassword   string `json:"redisPassword"`
	S3Port          int    `json:"s3Port"`
	RedisPort       int    `json:"redisPort"`
}

// Open creates dir where it is missing, and holds it until Close. It returns a ConflictError where another process has it,
// and a ModelConfigError where it cannot be written.
func Open(dir string) (*Home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(dir, err)
	}
	h := &Home{Dir: dir, lock: lock}
	if err := h.hold(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := h.readKeys(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return h, nil
}

func unusable(dir string, err error) error {
	return retrain.Errorf(retrain.ModelConfigError, "data directory %s: %w", dir, err).WithHint("choose another with --data")
}

// hold takes the lock. The kernel gives it back when the process ends, however it ends.
func (h *Home) hold() error {
	err := syscall.Flock(int(h.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := os.ReadFile(h.lock.Name()) // for the message only
		return retrain.Errorf(retrain.ConflictError, "data directory %s is in use by process %s", h.Dir, strings.TrimSpace(string(pid))).
			WithHint("stop that one, or choose another directory with --data")
	} else if err != nil {
		return unusable(h.Dir, err)
	}
	if err := h.lock.Truncate(0); err != nil {
		return unusable(h.Dir, err)
	}
	_, err = h.lock.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// Close lets another process have the directory.
func (h *Home) Close() error { return h.lock.Close() }

// readKeys reads the keys, or makes them at the first start. A port that somebody else has taken is replaced.
func (h *Home) readKeys() error {
	path := filepath.Join(h.Dir, "keys.json")
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.Keys = Keys{AccessKeyID: rand.Text(), SecretAccessKey: rand.Text() + rand.Text(), RedisPassword: rand.Text()}
	case err != nil:
		return unusable(h.Dir, err)
	default:
		if err := json.Unmarshal(b, &h.Keys); err != nil {
			return unusable(path, err)
		}
	}
	h.Keys.S3Port = FreePort(h.Keys.S3Port)
	return h.SaveKeys()
}

// SaveKeys writes the keys where only their owner can read them.
func (h *Home) SaveKeys() error {
	b, err := json.MarshalIndent(h.Keys, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(filepath.Join(h.Dir, "keys.json"), append(b, '\n'))
}

// WriteFile replaces a file in one step. Only its owner can read it.
func WriteFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which fails once it is renamed
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// FreePort returns a port of the loopback interface that nobody listens on, the preferred one if it can be. Others are below those
// that systems hand out for outgoing connections, and drawn, so that nobody takes it before its server listens.
func FreePort(preferred int) int {
	port := preferred
	for range 100 {
		if port != 0 && free(port) {
			return port
		}
		port = 10_000 + mathrand.IntN(12_000) // and 10,000 above it, where a node of a cluster listens too, is below them as well
	}
	return preferred // every port is taken: whoever listens next says so
}

func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	return err == nil && l.Close() == nil
}
