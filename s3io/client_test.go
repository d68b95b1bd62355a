package s3io_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain/s3io"
)

// clientOf is a plain client, as other programs write with.
func clientOf(t testing.TB, cfg s3io.Config) *s3.Client {
	t.Helper()
	loaded, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(cmp.Or(cfg.Region, "us-east-1")))
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = cfg.PathStyle
		if cfg.Endpoint != "" {
			o.BaseEndpoint = &cfg.Endpoint
		}
		if cfg.AccessKeyID != "" {
			o.Credentials = credentials.NewStaticCredentialsProvider(cfg.AccessKeyID, cfg.SecretAccessKey, "")
		}
	})
}

func putAsOthers(t testing.TB, client *s3.Client, bucket, key, body string, metadata map[string]string) {
	t.Helper()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body), Metadata: metadata,
		ContentType: aws.String("application/json")})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}
