package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
)

const bucket = "retrain"

// What the system relies on holds wherever the objects' attributes are kept, and after a restart on the same folder.
func TestS3(t *testing.T) {
	for _, beside := range []bool{false, true} {
		t.Run(fmt.Sprintf("attributes beside the objects %v", beside), func(t *testing.T) {
			dir := t.TempDir()
			if beside { // as an earlier start left it that could not do otherwise
				if err := os.Mkdir(filepath.Join(dir, "s3-attributes"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			server, client := start(t, dir)
			etag := put(t, client, "key", "one")
			oneCreates(t, client)
			oneReplaces(t, client, etag)
			stop(t, server)
			server, client = start(t, dir)
			defer stop(t, server)
			if got := get(t, client, "key"); got != "two" {
				t.Errorf("after a restart: got %q, want two", got)
			}
		})
	}
}

// connections are the client's. A server waits for those on which nobody has asked anything.
var connections = new(http.Transport)

func stop(t *testing.T, server *gateway.S3) {
	t.Helper()
	connections.CloseIdleConnections()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, dir string) (*gateway.S3, *s3.Client) {
	t.Helper()
	server := &gateway.S3{Dir: dir, Port: embedded.FreePort(0), AccessKeyID: "key", SecretAccessKey: "secret", Synced: true}
	if _, err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there
		if err := server.CreateBucket(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	return server, s3.New(s3.Options{BaseEndpoint: new(server.Endpoint()), Region: gateway.Region, UsePathStyle: true, Credentials: server,
		HTTPClient: &http.Client{Transport: connections}})
}

func put(t *testing.T, c *s3.Client, key, body string) string {
	t.Helper()
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new(bucket), Key: &key, Body: bytes.NewReader([]byte(body))})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ETag
}

func get(t *testing.T, c *s3.Client, key string) string {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new(bucket), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func oneCreates(t *testing.T, c *s3.Client) {
	t.Helper()
	won := race(func() *s3.PutObjectInput { return &s3.PutObjectInput{Key: new("new/key"), IfNoneMatch: new("*")} }, t, c)
	if won != 1 {
		t.Errorf("If-None-Match: got %d winners, want 1", won)
	}
}

func oneReplaces(t *testing.T, c *s3.Client, etag string) {
	t.Helper()
	won := race(func() *s3.PutObjectInput { return &s3.PutObjectInput{Key: new("key"), IfMatch: &etag} }, t, c)
	if won != 1 {
		t.Errorf("If-Match: got %d winners, want 1", won)
	}
}

// race puts many times at once and returns how many got through.
func race(in func() *s3.PutObjectInput, t *testing.T, c *s3.Client) int64 {
	var won atomic.Int64
	var racers sync.WaitGroup
	for range 16 {
		racers.Go(func() {
			p := in()
			p.Bucket, p.Body = new(bucket), bytes.NewReader([]byte("two"))
			if _, err := c.PutObject(t.Context(), p); err == nil {
				won.Add(1)
			}
		})
	}
	racers.Wait()
	return won.Load()
}

func TestPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := &gateway.S3{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port, AccessKeyID: "key", SecretAccessKey: "secret"}
	if _, err := server.Start(t.Context()); err == nil {
		t.Error("got no error")
	}
}
