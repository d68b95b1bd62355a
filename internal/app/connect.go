package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"retrain"
	"retrain/s3io"
	"retrain/tasks"
)

func (s S3) s3io() s3io.Config {
	return s3io.Config{Bucket: s.Bucket, Prefix: strings.TrimSuffix(s.Prefix, "/"), Endpoint: s.Endpoint, Region: s.Region, PathStyle: s.PathStyle,
		AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey, AssumeRole: s.AssumeRole, ExternalID: s.ExternalID, CA: s.CA,
		Encryption: s.Encryption, KMSKey: s.KMSKey}
}

// buckets returns what opens buckets of the same server by their names, whole. "" is the one that ours is in.
func buckets(ours s3io.Config) func(ctx context.Context, bucket string) (s3io.Bucket, error) {
	var mu sync.Mutex
	open := make(map[string]s3io.Bucket)
	return func(ctx context.Context, bucket string) (s3io.Bucket, error) {
		mu.Lock()
		defer mu.Unlock()
		if b, ok := open[bucket]; ok {
			return b, nil
		}
		c := ours
		c.Bucket, c.Prefix = cmp.Or(bucket, ours.Bucket), ""
		b, err := s3io.Open(ctx, c)
		if err == nil {
			open[bucket] = b
		}
		return b, err
	}
}

// s3io returns how the bucket is reached, with those who look on.
func (a *App) s3io() s3io.Config {
	c := a.Config.S3.s3io()
	c.Instrument = append(c.Instrument, a.IO.S3)
	if a.Tracer != nil {
		c.Tracer = a.Tracer.S3()
	}
	return c
}

// tasks returns how Redis is reached, with those who look on.
func (a *App) tasks() (tasks.Config, error) {
	c, err := a.Config.Redis.tasks()
	c.Instrument = append(c.Instrument, a.IO.Redis)
	if a.Tracer != nil {
		c.Instrument = append(c.Instrument, a.Tracer.Redis)
	}
	return c, err
}

// service names this program in traces, as OTEL_SERVICE_NAME does where it is set.
func service() string {
	return "retrain-" + strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

func (r Redis) tasks() (tasks.Config, error) {
	c := tasks.Config{Addr: r.Addr, Username: r.Username, Password: r.Password, DB: r.DB, Cluster: r.Cluster}
	if s := r.Sentinel; s != nil {
		c.Sentinel = tasks.Sentinel{Master: s.Master, Addrs: s.Addrs, Username: s.Username, Password: s.Password}
	}
	if r.TLS == nil {
		return c, nil
	}
	var err error
	c.TLS, err = r.TLS.config()
	return c, err
}

// config reads the files that it names.
func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify} //nolint:gosec // only where a person says so
	if t.CA != "" {
		pem, err := ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, retrain.Errorf(retrain.ModelConfigError, "%s: no certificate in it", t.CA)
		}
	}
	if t.Cert == "" && t.Key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "redis.tls: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
