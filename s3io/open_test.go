package s3io_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/internal/testenv"
	"retrain/s3io"
)

func get(t *testing.T, cfg s3io.Config) error {
	t.Helper()
	_, _, err := open(t, cfg).Get(t.Context(), "k")
	return err
}

// wantHint wants an UnavailableError that says where it was, and what to do.
func wantHint(t *testing.T, err error, message, hint string) {
	t.Helper()
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok || e.Code != retrain.UnavailableError || !strings.Contains(e.Message, message) || !strings.Contains(e.Hint, hint) {
		t.Errorf("got %v (%+v), want an UnavailableError with %q and the hint %q", err, e, message, hint)
	}
}

func TestWrongCredentials(t *testing.T) {
	cfg := gateway(t)
	cfg.SecretAccessKey = "wrong"
	wantHint(t, get(t, cfg), "s3: get s3://"+cfg.Bucket+"/k at "+cfg.Endpoint+": api error SignatureDoesNotMatch", "the credentials are wrong")
	cfg.AccessKeyID = "nobody"
	wantHint(t, get(t, cfg), ": api error ", "the credentials are wrong")
}

func TestNoCredentials(t *testing.T) {
	cfg := gateway(t)
	cfg.AccessKeyID, cfg.SecretAccessKey = "", ""
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	wantHint(t, get(t, cfg), "s3: get", "no credentials: set AWS_ACCESS_KEY_ID")
}

func TestMissingBucket(t *testing.T) {
	cfg := gateway(t)
	cfg.Bucket = "nowhere"
	wantHint(t, get(t, cfg), `there is no bucket "nowhere"`, "create it")
	b := open(t, cfg)
	_, err := b.Put(t.Context(), "k", nil, s3io.IfAbsent)
	wantHint(t, err, `there is no bucket "nowhere"`, "create it")
	for _, err := range b.List(t.Context(), s3io.Listing{}) {
		wantHint(t, err, `there is no bucket "nowhere"`, "create it")
	}
	wantHint(t, s3io.Check(t.Context(), b), `there is no bucket "nowhere"`, "create it")
}

func TestCreate(t *testing.T) {
	cfg := gateway(t)
	cfg.Bucket = "created"
	for range 2 {
		if err := s3io.Create(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	if err := s3io.Check(t.Context(), open(t, cfg)); err != nil {
		t.Error(err)
	}
	if _, err := s3io.Open(t.Context(), s3io.Config{}); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("no bucket: got %v", err)
	}
}

func TestServerDown(t *testing.T) {
	server, store := testenv.StartS3(t)
	cfg := s3io.Config{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	b := open(t, cfg)
	if _, err := b.Put(t.Context(), "k", []byte("v"), s3io.Always); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	began := time.Now()
	_, _, err := b.Get(t.Context(), "k")
	wantHint(t, err, "connection refused", "S3 does not answer")
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	server.Restart(t)
	if body, _, err := b.Get(t.Context(), "k"); string(body) != "v" || err != nil {
		t.Errorf("after the restart: got %q, %v", body, err)
	}
}

// through returns a gateway behind a proxy that does to each request what fault says.
func through(t *testing.T, fault func(w http.ResponseWriter, r *http.Request, pass http.Handler)) s3io.Config {
	cfg := gateway(t)
	target, err := url.Parse(cfg.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { // the host stays: it is signed
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fault(w, r, pass) }))
	t.Cleanup(proxy.Close)
	cfg.Endpoint = proxy.URL
	return cfg
}

// lost answers nothing, after the request has been served.
func lost(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
	pass.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func TestLostAnswerToAConditionalPut(t *testing.T) {
	var puts atomic.Int32
	b := open(t, through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut && puts.Add(1)%2 == 1 {
			lost(w, r, pass)
		}
		pass.ServeHTTP(w, r)
	}))
	first, err := b.Put(t.Context(), "k", []byte("mine"), s3io.IfAbsent)
	if err != nil {
		t.Fatalf("what was stored is reported as %v", err)
	}
	if _, err := b.Put(t.Context(), "k", []byte("mine, too"), s3io.IfMatch(first)); err != nil {
		t.Errorf("what was replaced is reported as %v", err)
	}
	if _, err := b.Put(t.Context(), "k", []byte("other"), s3io.IfAbsent); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("what was refused is reported as %v", err)
	}
}

func TestBrokenBody(t *testing.T) {
	var gets atomic.Int32
	b := open(t, through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodGet && gets.Add(1) < 3 {
			whole := httptest.NewRecorder()
			pass.ServeHTTP(whole, r)
			w.Header().Set("Content-Length", "4000000")
			io.CopyN(w, whole.Body, 1_000_000)
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	}))
	body := strings.Repeat("retrain ", 500_000)
	if _, err := b.Put(t.Context(), "k", []byte(body), s3io.Always); err != nil {
		t.Fatal(err)
	}
	if got, _, err := b.Get(t.Context(), "k"); string(got) != body || err != nil {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(body))
	}
}

func TestServerErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		code   string
		hint   string
		tries  int32
	}{
		{"busy", 503, "SlowDown", "try again", 5},
		{"broken", 500, "InternalError", "try again", 5},
		{"denied", 403, "AccessDenied", "these credentials may not do this", 1},
		{"expired", 400, "ExpiredToken", "the credentials are wrong or have expired", 1},
		{"wrong region", 301, "PermanentRedirect", "set s3.region: eu-west-1", 1},
		{"wrong region in the signature", 400, "AuthorizationHeaderMalformed", "set s3.region: eu-west-1", 1},
		{"the clock", 403, "RequestTimeTooSkewed", "clock", 1},
		{"no conditions", 501, "NotImplemented", "conditional writes", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				tries.Add(1)
				w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(c.status)
				io.WriteString(w, "<Error><Code>"+c.code+"</Code><Message>so it is</Message></Error>")
			}))
			defer server.Close()
			b := open(t, s3io.Config{Bucket: "b", Endpoint: server.URL, PathStyle: true, AccessKeyID: "a", SecretAccessKey: "s"})
			_, err := b.Put(t.Context(), "k", []byte("v"), s3io.Always)
			wantHint(t, err, "s3: put s3://b/k at "+server.URL+": api error "+c.code+": so it is", c.hint)
			if got := tries.Load(); got < c.tries || c.tries == 1 && got > 2 { // a skewed clock is corrected and tried once more
				t.Errorf("tried %d times, want %d", got, c.tries)
			}
		})
	}
}

// TestBeingWritten answers as AWS does while another request writes the same object.
func TestBeingWritten(t *testing.T) {
	var puts atomic.Int32
	busy := int32(2)
	b := open(t, through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodPut && puts.Add(1) <= busy {
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, "<Error><Code>ConditionalRequestConflict</Code></Error>")
			return
		}
		pass.ServeHTTP(w, r)
	}))
	e, err := b.Put(t.Context(), "k", []byte("v"), s3io.IfAbsent)
	if err != nil {
		t.Errorf("the other has failed: got %v", err)
	}
	puts.Store(0)
	if _, err := b.Put(t.Context(), "k", []byte("v"), s3io.IfAbsent); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("the other has succeeded: got %v", err)
	}
	busy = 1000
	if _, err := b.Put(t.Context(), "j", nil, s3io.IfAbsent); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("nobody knows yet: got %v", err)
	}
	if _, err := b.Put(t.Context(), "k", nil, s3io.IfMatch(e)); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("it changes: got %v", err)
	}
}

func TestVirtualHost(t *testing.T) {
	hosts := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host + r.URL.Path
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	endpoint := "http://localhost:" + port
	b := open(t, s3io.Config{Bucket: "bucket", Prefix: "p", Endpoint: endpoint, AccessKeyID: "a", SecretAccessKey: "s"})
	_, _, err := b.Get(t.Context(), "k")
	asked := err.Error() // not every machine finds names below localhost
	select {
	case asked = <-hosts:
	default:
	}
	if want := "bucket.localhost:" + port + "/p/k"; !strings.Contains(asked, want) {
		t.Errorf("asked %s, want %s", asked, want)
	}
}
