package app_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/s3io"
)

// backend is of a server as there are many: a condition changes nothing.
type backend struct{ *s3mem.Backend }

// PutObject stores without looking.
func (b backend) PutObject(bucket, key string, meta map[string]string, in io.Reader, size int64, _ *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	return b.Backend.PutObject(bucket, key, meta, in, size, nil)
}

// A bucket that ignores conditions is refused by the first that would be written into it.
func TestApplyRefusesACarelessBucket(t *testing.T) {
	server := httptest.NewServer(gofakes3.New(backend{s3mem.New()}, gofakes3.WithAutoBucket(true)).Server())
	t.Cleanup(server.Close)
	c, err := app.Parse("retrain.yaml", []byte("resources: {products: {}}"))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.Addr = testenv.Redis(t)
	c.S3 = app.S3{Bucket: "careless", Endpoint: server.URL, PathStyle: true, AccessKeyID: "any", SecretAccessKey: "any"}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() }) // nobody needs it any more
	_, _, err = a.Apply(t.Context(), c)
	if !errors.Is(err, retrain.ModelConfigError) || !strings.Contains(err.Error(), "ignores If-None-Match") {
		t.Errorf("got %v", err)
	}
	for o, err := range a.Bucket.List(t.Context(), s3io.Listing{}) {
		t.Errorf("%s is left behind, %v", o.Key, err)
	}
}
