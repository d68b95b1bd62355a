package s3io_test

import (
	"cmp"
	"context"
	"testing"
	"time"

	"retrain/internal/testenv"
	"retrain/s3io"
	"retrain/s3io/s3iotest"
)

func TestFaultyWithoutFaults(t *testing.T) {
	s3iotest.TestBucket(t, func(*testing.T) s3io.Bucket { return &s3io.Faulty{Bucket: new(s3io.Memory)} })
}

func empty(t *testing.T, b s3io.Bucket) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // t's own ends before its clean-up
	defer cancel()
	for o, err := range b.List(ctx, s3io.Listing{}) {
		if err := cmp.Or(err, b.Delete(ctx, o.Key)); err != nil {
			t.Error(err)
			return
		}
	}
}

// gateway returns an empty bucket on a real S3 server.
func gateway(t testing.TB) s3io.Config {
	s := testenv.S3(t)
	return s3io.Config{Bucket: s.Bucket, Endpoint: s.Endpoint, Region: s.Region, PathStyle: true,
		AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey}
}

func open(t testing.TB, cfg s3io.Config) s3io.Bucket {
	t.Helper()
	b, err := s3io.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
