package s3io_test

import (
	"cmp"
	"context"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"retrain/internal/testenv"
	"retrain/s3io"
	"retrain/s3io/s3iotest"
)

func TestMemory(t *testing.T) {
	s3iotest.TestBucket(t, func(*testing.T) s3io.Bucket { return new(s3io.Memory) })
}

func TestFaultyWithoutFaults(t *testing.T) {
	s3iotest.TestBucket(t, func(*testing.T) s3io.Bucket { return &s3io.Faulty{Bucket: new(s3io.Memory)} })
}

func TestGoFakeS3(t *testing.T) {
	s3iotest.TestBucket(t, func(t *testing.T) s3io.Bucket {
		fake := gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true))
		server := httptest.NewServer(fake.Server())
		t.Cleanup(server.Close)
		return open(t, s3io.Config{Bucket: "fake", Endpoint: server.URL, PathStyle: true, AccessKeyID: "any", SecretAccessKey: "any"})
	})
}

func TestGateway(t *testing.T) {
	s3iotest.TestBucket(t, func(t *testing.T) s3io.Bucket { return open(t, gateway(t)) })
}

// TestRealS3 runs on the bucket that the environment names, below a prefix of its own, which it leaves empty.
func TestRealS3(t *testing.T) {
	bucket := os.Getenv("RETRAIN_TEST_S3_BUCKET")
	if bucket == "" {
		t.Skip("RETRAIN_TEST_S3_BUCKET names no bucket; also _ENDPOINT, _REGION, _PATH_STYLE=true and the AWS chain's variables")
	}
	s3iotest.TestBucket(t, func(t *testing.T) s3io.Bucket {
		b := open(t, s3io.Config{
			Bucket: bucket, Endpoint: os.Getenv("RETRAIN_TEST_S3_ENDPOINT"), Region: os.Getenv("RETRAIN_TEST_S3_REGION"),
			PathStyle: os.Getenv("RETRAIN_TEST_S3_PATH_STYLE") == "true",
			Prefix:    "retrain-test-" + strconv.FormatInt(time.Now().UnixNano(), 36),
		})
		t.Cleanup(func() { empty(t, b) })
		return b
	})
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
