package testenv

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A Store is a bucket and how to reach it.
type Store struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	Bucket          string `json:"bucket"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// S3 returns a new, empty bucket for t. The server behind it is shared by all tests of the binary.
func S3(t testing.TB) Store {
	t.Helper()
	g, err := shared()
	if err != nil {
		t.Fatalf("start the S3 server: %v", err)
	}
	return g.bucket(t)
}

var shared = sync.OnceValues(func() (*Gateway, error) {
	dir, err := os.MkdirTemp("", "retrain-s3-")
	if err != nil {
		return nil, err
	}
	return startGateway(dir, "--remove", "0")
})

// StartS3 returns a new bucket on a server of t's own, which t may kill and start again.
func StartS3(t testing.TB) (*Gateway, Store) {
	t.Helper()
	g, err := startGateway(t.TempDir(), "--keep", "0")
	if err != nil {
		t.Fatalf("start the S3 server: %v", err)
	}
	t.Cleanup(g.Kill)
	return g, g.bucket(t)
}

// A Gateway is an S3 server in a process of its own. It ends with this one, since its stdin does.
type Gateway struct {
	dir     string
	store   Store
	process *exec.Cmd

	mu      sync.Mutex // guards the following two fields
	names   io.WriteCloser
	answers *bufio.Reader
}

func startGateway(dir, after, port string) (*Gateway, error) {
	program, err := gatewayProgram()
	if err != nil {
		return nil, err
	}
	g := &Gateway{dir: dir, process: exec.Command(program, dir, after, port)}
	g.process.Stderr = os.Stderr
	if g.names, err = g.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := g.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	g.answers = bufio.NewReader(out)
	line, err := g.answers.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return g, json.Unmarshal(line, &g.store)
}

var buckets atomic.Int64

// bucket creates one.
func (g *Gateway) bucket(t testing.TB) Store {
	t.Helper()
	store := g.store
	store.Bucket = fmt.Sprintf("test-%d", buckets.Add(1))
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := fmt.Fprintln(g.names, store.Bucket); err != nil {
		t.Fatalf("S3 server: %v", err)
	}
	if _, err := g.answers.ReadString('\n'); err != nil {
		t.Fatalf("S3 server: create a bucket: %v", err)
	}
	return store
}

// Kill ends the server as a fault would.
func (g *Gateway) Kill() {
	_ = g.process.Process.Kill() // it may be dead already
	_ = g.process.Wait()
}

// Pid returns the number of the server's process.
func (g *Gateway) Pid() int { return g.process.Process.Pid }

// Restart starts the server again, on the same folder and port.
func (g *Gateway) Restart(t testing.TB) {
	t.Helper()
	port := g.store.Endpoint[strings.LastIndexByte(g.store.Endpoint, ':')+1:]
	next, err := startGateway(g.dir, "--keep", port)
	if err != nil {
		t.Fatalf("start the S3 server again: %v", err)
	}
	if next.store != g.store {
		t.Fatalf("the S3 server is at %s now, was at %s: somebody took its port", next.store.Endpoint, g.store.Endpoint)
	}
	g.process, g.names, g.answers = next.process, next.names, next.answers
}

// gatewayProgram builds the server, unless it is built, and returns its path. The binaries of several packages' tests may ask
// at the same time: one builds.
var gatewayProgram = sync.OnceValues(func() (string, error) {
	cache, _ := os.UserCacheDir() // a machine without one has a folder for temporary files
	dir := filepath.Join(cmp.Or(cache, os.TempDir()), "retrain-testenv")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "gateway")
	build := exec.Command("go", "build", "-o", program, "retrain/internal/testenv/gateway")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
})
