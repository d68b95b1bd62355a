package s3io_test

import (
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"retrain/s3io"
)

// A place has an empty bucket, and a way to write into it as other programs do.
type place struct {
	s3io.Bucket
	put func(t testing.TB, key, body string, metadata map[string]string)
}

// places are those in which the contracts are tested.
var places = map[string]func(t *testing.T) place{
	"memory":   inMemoryPlace,
	"gofakes3": onGoFakeS3,
	"gateway":  func(t *testing.T) place { return at(t, gateway(t)) },
	"real S3":  onRealS3,
}

func inMemoryPlace(*testing.T) place {
	b := new(s3io.Memory)
	return place{b, func(_ testing.TB, key, body string, metadata map[string]string) {
		b.PutObject(key, s3io.Object{Body: []byte(body), Metadata: metadata, LastModified: time.Now()})
	}}
}

func onGoFakeS3(t *testing.T) place {
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true)).Server())
	t.Cleanup(server.Close)
	return at(t, s3io.Config{Bucket: "fake", Endpoint: server.URL, Region: "us-east-1", PathStyle: true, AccessKeyID: "any", SecretAccessKey: "any"})
}

// onRealS3 is below a prefix of its own in the bucket that the environment names. It is left empty.
func onRealS3(t *testing.T) place {
	bucket := os.Getenv("RETRAIN_TEST_S3_BUCKET")
	if bucket == "" {
		t.Skip("RETRAIN_TEST_S3_BUCKET names no bucket; also _ENDPOINT, _REGION, _PATH_STYLE=true and the AWS chain's variables")
	}
	cfg := s3io.Config{Bucket: bucket, Endpoint: os.Getenv("RETRAIN_TEST_S3_ENDPOINT"), Region: os.Getenv("RETRAIN_TEST_S3_REGION"),
		PathStyle: os.Getenv("RETRAIN_TEST_S3_PATH_STYLE") == "true", Prefix: "retrain-test-" + strconv.FormatInt(time.Now().UnixNano(), 36)}
	p := at(t, cfg)
	t.Cleanup(func() { empty(t, p) })
	return p
}

// at returns a place on a server.
func at(t *testing.T, cfg s3io.Config) place {
	prefix := cfg.Prefix
	if prefix != "" {
		prefix += "/"
	}
	return place{open(t, cfg), func(t testing.TB, key, body string, metadata map[string]string) {
		t.Helper()
		putAsOthers(t, clientOf(t, cfg), cfg.Bucket, prefix+key, body, metadata)
	}}
}
