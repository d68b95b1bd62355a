package work_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
	"retrain/internal/roles/work"
	"retrain/internal/testenv"
	"retrain/mlcore"
)

// A collected is a collector of spans, which speaks OTLP over HTTP.
type collected struct {
	mu    sync.Mutex // guards the following
	spans []*spans.Span
}

func (c *collected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	in := new(collector.ExportTraceServiceRequest)
	if err = errors.Join(err, proto.Unmarshal(b, in)); err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range in.GetResourceSpans() {
		for _, in := range of.GetScopeSpans() {
			c.spans = append(c.spans, in.GetSpans()...)
		}
	}
}

// path returns the names from the root of the trace to a span: "insert > request > …". Parents that nobody sent are "?".
func (c *collected) path(s *spans.Span) string {
	if len(s.GetParentSpanId()) == 0 {
		return s.GetName()
	}
	for _, p := range c.spans {
		if string(p.GetSpanId()) == string(s.GetParentSpanId()) && string(p.GetTraceId()) == string(s.GetTraceId()) {
			return c.path(p) + " > " + s.GetName()
		}
	}
	return "? > " + s.GetName()
}

// named returns the spans of a name, and fails t where there is none.
func (c *collected) named(t *testing.T, name string) []*spans.Span {
	t.Helper()
	var list []*spans.Span
	for _, s := range c.spans {
		if s.GetName() == name {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		t.Fatalf("no span %q; there are\n%s", name, strings.Join(c.paths(), "\n"))
	}
	return list
}

func (c *collected) paths() (all []string) {
	for _, s := range c.spans {
		all = append(all, c.path(s))
	}
	return all
}

// lines are what was logged.
type lines struct {
	mu  sync.Mutex // guards the following
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

// A followed is a system in which everything is followed, and that is asked over HTTP.
type followed struct {
	*testing.T
	*app.App
	control, predict *httptest.Server
	logged           *lines
	secret           string
	end              func()
}

const followedModel = `
resources: {products: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, autoTrain: true, trainAfterInserts: 20, modelConfig: {epochs: 3}}
`

func newFollowed(t *testing.T, endpoint string) *followed {
	t.Helper()
	store := testenv.S3(t)
	c, err := app.Parse("retrain.yaml", []byte(followedModel))
	if err != nil {
		t.Fatal(err)
	}
	c.Tracing.Endpoint = endpoint
	c.Redis = app.Redis{Addr: testenv.Redis(t)}
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true, AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	logged := new(lines)
	a, err := app.Open(t.Context(), c, roles.LogTo(logged, "json", slog.LevelDebug))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m, live := httpapi.NewMetrics("test"), a.Live(mlcore.Load, t.TempDir())
	control := &httpapi.Control{App: a, Metrics: m}
	f := &followed{T: t, App: a, logged: logged, secret: store.SecretAccessKey, control: httptest.NewServer(a.Tracer.Handler(control.Handler(ctx))),
		predict: httptest.NewServer(a.Tracer.Handler((&httpapi.Predictions{Models: httpapi.Live{Live: live}, Catalog: a.Catalog, Metrics: m, Log: a.Log}).Handler()))}
	done := make(chan error, 2)
	go func() { done <- work.Train(ctx, a, m, &mlcore.Engine{}, "", nil, "") }()
	go func() { done <- live.Run(ctx) }()
	f.end = sync.OnceFunc(func() {
		stop()
		f.control.Close()
		f.predict.Close()
		if err := errors.Join(<-done, <-done, control.Close(), a.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(f.end)
	return f
}

func (f *followed) post(url, body string) (int, string) {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// learnt inserts what makes a training due, and asks until the first version answers.
func (f *followed) learnt() {
	f.Helper()
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, `{"id":"%d","cost":%d,"price":%d}`+"\n", i, i, 2*i)
	}
	if status, text := f.post(f.control.URL+"/v1/resources/products/records", b.String()); status >= 300 || !strings.Contains(text, `"triggered":["price"]`) {
		f.Fatal(status, text)
	}
	testenv.Eventually(f.T, time.Minute, func() error {
		status, text := f.post(f.predict.URL+"/v1/models/price:predict", `{"instances":[{"cost":1}]}`)
		if status != http.StatusOK {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
	testenv.Eventually(f.T, time.Minute, func() error {
		state, err := f.State(f.Context(), "price")
		if err == nil && state.Running != 0 {
			err = errors.New("the run is not settled")
		}
		return err
	})
}

func TestOneTraceFromAnInsertToTheFirstPrediction(t *testing.T) {
	c := new(collected)
	server := httptest.NewServer(c)
	defer server.Close()
	f := newFollowed(t, server.URL)
	f.learnt()
	f.end() // sends the last spans

	c.mu.Lock()
	defer c.mu.Unlock()
	inserted := c.named(t, "insert")[0]
	path := c.path(inserted)
	for _, step := range []string{"request", "publish train-default", "process train-default", "run", "slice", "publish", "promote", "reload", "first prediction"} {
		switch step {
		case "publish", "promote": // beside the slices
			path = strings.TrimSuffix(path, " > slice")
			path = strings.TrimSuffix(path, " > publish")
		}
		path += " > " + step
		s := c.named(t, step)[0]
		if got := c.path(s); got != path {
			t.Errorf("got %s\nwant %s", got, path)
		}
		if string(s.GetTraceId()) != string(inserted.GetTraceId()) {
			t.Errorf("%s is in another trace", step)
		}
	}
	if !strings.HasPrefix(path, "POST /v1/resources/{resource}/records > insert") {
		t.Errorf("the trace does not begin with the request: %s", path)
	}
	if first := c.named(t, "first prediction"); len(first) != 1 || len(first[0].GetLinks()) != 1 {
		t.Errorf("the first prediction is there %d times, and should have a link to the request that asked: %v", len(first), first[0])
	}
	for _, tool := range []string{"S3.PutObject", "S3.GetObject"} {
		c.named(t, tool)
	}
	for _, s := range c.spans {
		if p := c.path(s); strings.HasPrefix(p, "?") {
			t.Errorf("nobody knows the parent of %s %s", p, hex.EncodeToString(s.GetSpanId()))
		}
	}
	if os.Getenv("SHOW_TRACE") != "" {
		t.Log("\n" + strings.Join(c.paths(), "\n"))
	}
}

// Where nobody collects, nothing is stored of it. What is logged of a run names it.
func TestWithoutACollectorNothingIsFollowed(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		t.Setenv(name, "")
	}
	f := newFollowed(t, "")
	if f.Tracer != nil {
		t.Fatal("there is a tracer")
	}
	f.learnt()
	f.end()
	seen := make(map[string]int)
	for _, text := range f.logged.all {
		var line struct{ Msg, Run, Model string }
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if strings.Contains(text, f.secret) {
			t.Errorf("it tells a secret: %s", text)
		}
		switch line.Msg {
		case "run requested", "run ended", "task":
			if seen[line.Msg]++; line.Run != "price-1" || line.Model != "price" {
				t.Errorf("whose is it? %s", text)
			}
		}
	}
	if len(seen) != 3 || seen["run requested"] != 1 || seen["run ended"] != 1 || seen["task"] != 1 {
		t.Errorf("got %v, want a line for each event", seen)
	}
	for _, key := range []string{"models/price/runs/00000001/request.json", "models/price/champion.json"} {
		b, _, err := f.Bucket.Get(t.Context(), key)
		if err != nil || strings.Contains(string(b), "trace") {
			t.Errorf("%s: %s, %v", key, b, err)
		}
	}
}
