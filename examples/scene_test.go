package examples_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gopkg.in/yaml.v3"

	"retrain/internal/testenv"
)

// enter makes the world as the page takes it for granted.
func (r *reader) enter(page string) {
	r.Helper()
	r.scene = scenes[page]
	if r.scene.yaml != "" {
		if err := os.WriteFile(filepath.Join(r.dir, r.scene.yaml), []byte(declared(r.T, page)), 0o600); err != nil {
			r.Fatal(err)
		}
	}
	if r.scene.tls {
		testenv.Certificate(r.T, filepath.Join(r.dir, "server.pem"), filepath.Join(r.dir, "server.key"), 1)
	}
	for _, command := range r.scene.first {
		r.do(step{command: command, silent: true})
	}
	if r.scene.stored != "" {
		r.store(r.scene.stored)
	}
}

// read types a step of the page, as the scene has it.
func (r *reader) read(s step) {
	r.Helper()
	if _, ok := lookup(r, r.scene.untyped, s.command); ok {
		if out, err := exec.Command("bash", "-n", "-c", s.command).CombinedOutput(); err != nil {
			r.Errorf("%s: %s", s.command, out)
		}
		return
	}
	before, _ := lookup(r, r.scene.before, s.command)
	for _, command := range before {
		r.do(step{command: command, silent: true})
	}
	if other, ok := lookup(r, r.scene.instead, s.command); ok {
		s.command = other
	}
	r.do(s)
}

func lookup[V any](r *reader, of map[string]V, command string) (v V, found bool) {
	for begin, v := range of {
		if strings.HasPrefix(command, begin) {
			r.used[begin] = true
			return v, true
		}
	}
	return v, false
}

// leave reports what the scene has that the page does not need.
func (r *reader) leave() {
	r.Helper()
	var all []string
	for begin := range r.scene.before {
		all = append(all, begin)
	}
	for begin := range r.scene.instead {
		all = append(all, begin)
	}
	for begin := range r.scene.untyped {
		all = append(all, begin)
	}
	for _, begin := range all {
		if !r.used[begin] {
			r.Errorf("no command of the page begins with %q", begin)
		}
	}
}

// store puts a database that s3db.js wrote where docs/migrate.md says that it is.
func (r *reader) store(dump string) {
	r.Helper()
	const bucket, prefix = "my-bucket", "databases/myapp/"
	var connection struct {
		S3 struct {
			Endpoint        string `yaml:"endpoint"`
			AccessKeyID     string `yaml:"accessKeyId"`
			SecretAccessKey string `yaml:"secretAccessKey"`
		} `yaml:"s3"`
	}
	if err := yaml.Unmarshal([]byte(read(r.T, filepath.Join(r.dir, "data/client.yaml"))), &connection); err != nil {
		r.Fatal(err)
	}
	var objects []struct {
		Key      string            `json:"key"`
		Metadata map[string]string `json:"metadata"`
		Body     []byte            `json:"body"`
	}
	if err := json.Unmarshal([]byte(read(r.T, dump)), &objects); err != nil {
		r.Fatal(err)
	}
	c := s3.New(s3.Options{BaseEndpoint: &connection.S3.Endpoint, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(connection.S3.AccessKeyID, connection.S3.SecretAccessKey, "")})
	if _, err := c.CreateBucket(r.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		r.Fatal(err)
	}
	for _, o := range objects {
		key := prefix + strings.TrimPrefix(o.Key, "shop/")
		if _, err := c.PutObject(r.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Metadata: o.Metadata, Body: bytes.NewReader(o.Body)}); err != nil {
			r.Fatal(err)
		}
	}
}
