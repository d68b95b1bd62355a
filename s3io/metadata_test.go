package s3io_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"retrain/s3io"
	"retrain/s3io/s3iotest"
)

func TestMetadataInMemory(t *testing.T) {
	b := new(s3io.Memory)
	s3iotest.TestMetadata(t, b, func(_ *testing.T, key, body string, metadata map[string]string) {
		b.PutObject(key, s3io.Object{Body: []byte(body), Metadata: metadata, LastModified: time.Now()})
	})
}

func TestMetadataOnGateway(t *testing.T) {
	cfg := gateway(t)
	client := clientOf(cfg)
	s3iotest.TestMetadata(t, open(t, cfg), func(t *testing.T, key, body string, metadata map[string]string) {
		putAsOthers(t, client, cfg.Bucket, key, body, metadata)
	})
}

func TestMetadataOnGoFakeS3(t *testing.T) {
	fake := gofakes3.New(s3mem.New(), gofakes3.WithAutoBucket(true))
	server := httptest.NewServer(fake.Server())
	t.Cleanup(server.Close)
	cfg := s3io.Config{Bucket: "fake", Endpoint: server.URL, Region: "us-east-1", PathStyle: true, AccessKeyID: "any", SecretAccessKey: "any"}
	client := clientOf(cfg)
	s3iotest.TestMetadata(t, open(t, cfg), func(t *testing.T, key, body string, metadata map[string]string) {
		putAsOthers(t, client, cfg.Bucket, key, body, metadata)
	})
}

// clientOf is a plain client, as other programs write with.
func clientOf(cfg s3io.Config) *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &cfg.Endpoint, Region: cfg.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(cfg.AccessKeyID, cfg.SecretAccessKey, "")})
}

func putAsOthers(t testing.TB, client *s3.Client, bucket, key, body string, metadata map[string]string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body), Metadata: metadata,
		ContentType: aws.String("application/json")})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}
