package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain"
)

// replay stores a database that s3db.js wrote, as it wrote it.
func (s *stage) replay(dump string) {
	s.Helper()
	text, err := os.ReadFile(dump)
	if err != nil {
		s.Fatal(err)
	}
	var objects []struct {
		Key      string
		Metadata map[string]string
		Body     []byte
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		s.Fatal(err)
	}
	c := s.config.S3
	client := s3.New(s3.Options{Region: c.Region, BaseEndpoint: &c.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")})
	for _, o := range objects {
		if strings.Contains(o.Key, "/partition=") { // nobody reads them
			continue
		}
		if _, err := client.PutObject(s.Context(), &s3.PutObjectInput{Bucket: &c.Bucket, Key: aws.String("old/" + o.Key), Metadata: o.Metadata,
			Body: strings.NewReader(string(o.Body))}); err != nil {
			s.Fatal(err)
		}
	}
}

// A database of s3db.js is taken over, applied, and read.
func TestMigrate(t *testing.T) {
	s := newStage(t)
	const dumps = "../../internal/migrate/testdata/"
	s.replay(dumps + "21.json")
	address := "s3://" + s.config.S3.Bucket + "/old/shop"
	file := filepath.Join(t.TempDir(), "retrain.yaml")

	var answer migrated
	s.json(&answer, "migrate", "s3db", address, "--plugin", dumps+"shop.mjs", "-o", file)
	if len(answer.Resources) != 3 || len(answer.Models) != 4 || len(answer.Left) != 0 || len(answer.Checked) != 4 || answer.Checked[0].Rows != 16 {
		t.Fatalf("%+v", answer)
	}
	s.fails(retrain.ConflictError, "exists already", "migrate", "s3db", address, "-o", file)
	s.ok("diff", "-f", file)
	s.ok("apply", "-f", file)
	if got := strings.TrimSpace(s.ok("records", "products", "--count")); got != "40" {
		t.Errorf("%s records, want 40", got)
	}
	if got := strings.TrimSpace(s.ok("records", "products", "--partition", "byCategory", "--values", "category=toys", "--count")); got != "20" {
		t.Errorf("%s records in the partition, want 20", got)
	}
	r := s.run("migrate", "s3db", address, "--resources", "emails", "--check=false", "-o", "-")
	if r.code != 0 || !strings.Contains(r.stdout, "spam-filter:") || strings.Contains(r.stderr, "reading") || !strings.Contains(r.stderr, "says nothing of partition, filter") {
		t.Errorf("%+v", r)
	}
	s.ok("apply", "-n", "-f", s.write("stored.yaml", r.stdout))
}

func TestMigrateWrong(t *testing.T) {
	s := newStage(t)
	s.replay("../../internal/migrate/testdata/13.json")
	bucket := s.config.S3.Bucket
	file := filepath.Join(t.TempDir(), "retrain.yaml")
	s.fails(retrain.NotFoundError, "there is no database under s3://"+bucket+"/databases", "migrate", "s3db", "s3://"+bucket+"/databases", "-o", file)
	s.fails(retrain.NotFoundError, "has no resource", "migrate", "s3db", "s3://"+bucket+"/old/shop", "--resources", "orders", "-o", file)
	s.fails(retrain.ModelConfigError, "plugin.js: neither new MLPlugin", "migrate", "s3db", "s3://"+bucket+"/old/shop", "--plugin", s.write("plugin.js", "1"), "-o", file)
	s.fails(retrain.DataValidationError, "no such file", "migrate", "s3db", "s3://"+bucket+"/old/shop", "--plugin", "nowhere.js", "-o", file)
	for _, args := range [][]string{{"s3bd", "s3://b/p"}, {"s3db"}, {"s3db", "b/p"}, {"s3db", "s3://"}, {"s3db", "s3://KEY:SECRET@b/p"}, {"s3db", "http://KEY:SECRET@localhost:9000/b/p"}} {
		r := s.run(append([]string{"migrate"}, args...)...)
		if r.code != 2 || strings.Contains(r.stderr, "SECRET") && !strings.Contains(r.stderr, "RETRAIN_S3_SECRET") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}
