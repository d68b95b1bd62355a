package s3io_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"retrain"
	"retrain/s3io"
)

// A recorder is a server that keeps what it is asked, and answers as S3 and STS do.
type recorder struct {
	*httptest.Server
	mu    sync.Mutex // guards asked
	asked []*http.Request
	forms []string
}

const session = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>` +
	`<SecretAccessKey>secret</SecretAccessKey><SessionToken>token-of-the-role</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`

func record(t *testing.T, start func(http.Handler) *httptest.Server) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = start(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked, r.forms = append(r.asked, q), append(r.forms, string(body))
		if strings.Contains(string(body), "Action=AssumeRole") {
			_, _ = io.WriteString(w, session)
			return
		}
		w.Header().Set("ETag", `"1"`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) last() *http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[len(r.asked)-1]
}

func put(t *testing.T, cfg s3io.Config) error {
	t.Helper()
	b, err := s3io.Open(t.Context(), cfg)
	if err != nil {
		return err
	}
	_, err = b.Put(t.Context(), "a/b", []byte("text"), s3io.Always)
	return err
}

func TestTheBucketStandsInThePathOrInTheHost(t *testing.T) {
	r := record(t, httptest.NewServer)
	cfg := s3io.Config{Bucket: "shop", Endpoint: r.URL, PathStyle: true, AccessKeyID: "k", SecretAccessKey: "s"}
	if err := put(t, cfg); err != nil || r.last().URL.Path != "/shop/a/b" {
		t.Errorf("path style: %v, asked for %s", err, r.last().URL)
	}
	cfg.PathStyle, cfg.Endpoint = false, "http://s3.invalid" // a name that nobody has, as its part before the dot shows
	if err := put(t, cfg); err == nil || !strings.Contains(err.Error(), "http://shop.s3.invalid/a/b") {
		t.Errorf("virtual hosts: %v", err)
	}
}

func TestEncryptionIsAskedFor(t *testing.T) {
	r := record(t, httptest.NewServer)
	for _, test := range []struct{ encryption, key string }{{"", ""}, {"AES256", ""}, {"aws:kms", ""}, {"aws:kms", "arn:aws:kms:eu-west-1:1:key/2"}} {
		cfg := s3io.Config{Bucket: "shop", Endpoint: r.URL, PathStyle: true, AccessKeyID: "k", SecretAccessKey: "s", Encryption: test.encryption, KMSKey: test.key}
		if err := put(t, cfg); err != nil {
			t.Error(err)
		}
		b, err := s3io.Open(t.Context(), cfg)
		if err == nil {
			err = s3io.Upload(t.Context(), b, "c", strings.NewReader("text"))
		}
		if err != nil {
			t.Error(err)
		}
		for _, q := range r.asked[len(r.asked)-2:] {
			if got := q.Header.Get("X-Amz-Server-Side-Encryption"); got != test.encryption {
				t.Errorf("%s: encryption %q, want %q", q.URL, got, test.encryption)
			}
			if got := q.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"); got != test.key {
				t.Errorf("%s: key %q, want %q", q.URL, got, test.key)
			}
		}
	}
}

func TestARoleIsTakenOn(t *testing.T) {
	r := record(t, httptest.NewServer)
	t.Setenv("AWS_ENDPOINT_URL_STS", r.URL)
	cfg := s3io.Config{Bucket: "shop", Endpoint: r.URL, PathStyle: true, AccessKeyID: "k", SecretAccessKey: "s",
		AssumeRole: "arn:aws:iam::1:role/trainer", ExternalID: "e"}
	if err := put(t, cfg); err != nil {
		t.Fatal(err)
	}
	if form := r.forms[0]; !strings.Contains(form, "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Ftrainer") || !strings.Contains(form, "ExternalId=e") {
		t.Errorf("STS was asked %s", form)
	}
	q := r.last()
	if q.Header.Get("X-Amz-Security-Token") != "token-of-the-role" || !strings.Contains(q.Header.Get("Authorization"), "ASIAROLE") {
		t.Errorf("S3 was asked with %v", q.Header)
	}
}

func TestAnAuthorityOfOnesOwnIsTrusted(t *testing.T) {
	r := record(t, httptest.NewTLSServer)
	cfg := s3io.Config{Bucket: "shop", Endpoint: r.URL, PathStyle: true, AccessKeyID: "k", SecretAccessKey: "s"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := put(t, cfg); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("an authority that nobody knows: %v, want an UnavailableError", err)
	}
	cfg.CA = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := s3io.Open(ctx, cfg); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("no such file: %v, want a ModelConfigError", err)
	}
	if err := os.WriteFile(cfg.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := put(t, cfg); err != nil {
		t.Errorf("the authority is given: %v", err)
	}
}
