package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"time"

	"retrain/internal/embedded"
	"retrain/internal/embedded/gateway"
	"retrain/s3io"
)

const bucket = "bench"

// An S3 says how the server is reached, as others are told.
type S3 struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	Prefix          string `json:"prefix"`
}

func (s S3) config() s3io.Config {
	return s3io.Config{Bucket: bucket, Prefix: s.Prefix, Endpoint: s.Endpoint, Region: s.Region, PathStyle: true, AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey}
}

// serveFolder is the S3 server. Its first line on stdout is how to reach it.
func serveFolder(ctx context.Context, dir string) error {
	server := gateway.S3{Dir: dir, Port: embedded.FreePort(0), AccessKeyID: "bench", SecretAccessKey: "benchsecret"}
	if _, err := server.Start(ctx); err != nil {
		return err
	}
	if err := server.CreateBucket(ctx, bucket); err != nil {
		return err
	}
	err := json.NewEncoder(os.Stdout).Encode(S3{Endpoint: server.Endpoint(), Region: gateway.Region,
		AccessKeyID: server.AccessKeyID, SecretAccessKey: server.SecretAccessKey})
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return server.Stop()
}

// A server is the S3 server, seen from outside.
type server struct {
	dir    string
	cmd    *exec.Cmd
	stdin  io.Closer
	config S3
}

func startServer(ctx context.Context) (*server, error) {
	s := &server{}
	var err error
	if s.dir, err = os.MkdirTemp("", "bench-records-"); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, self, "-serve", s.dir)
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	return s, json.NewDecoder(out).Decode(&s.config)
}

func (s *server) stop() error {
	defer os.RemoveAll(s.dir)
	if err := s.stdin.Close(); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// far returns how the server is reached through a proxy that holds every request back.
func far(near S3, latency time.Duration) (S3, error) {
	target, err := url.Parse(near.Endpoint)
	if err != nil {
		return near, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return near, err
	}
	pass := &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		Rewrite: func(r *httputil.ProxyRequest) { // the host stays: it is signed
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
		},
	}
	proxy := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		pass.ServeHTTP(w, r)
	})}
	go func() { _ = proxy.Serve(l) }() // until the program ends
	near.Endpoint = "http://" + l.Addr().String()
	return near, nil
}
