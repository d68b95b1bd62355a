package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/testenv"
)

const declared = `
resources: {products: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, autoTrain: true, trainAfterInserts: 3}
`

// control returns a producer's server on real servers, with one model declared.
func control(t *testing.T) *httptest.Server {
	t.Helper()
	return controlOf(t, testenv.S3(t), declared)
}

func controlOf(t *testing.T, store testenv.Store, declared string) *httptest.Server {
	t.Helper()
	server, _ := openControl(t, store, declared)
	return server
}

func openControl(t *testing.T, store testenv.Store, declared string) (*httptest.Server, *app.App) {
	t.Helper()
	specs, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	specs.Redis.Addr = testenv.Redis(t)
	specs.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), specs, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if _, _, err := a.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &httpapi.Control{App: a, Metrics: httpapi.NewMetrics("test")}
	server := httptest.NewServer(c.Handler(ctx))
	t.Cleanup(func() {
		cancel()
		server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, a
}

// call sends a request and returns its answer.
func call(t *testing.T, method, url, body string, header ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, strings.TrimSpace(string(b))
}

func TestInsert(t *testing.T) {
	url := control(t).URL + "/v1/resources/products/records"
	for _, test := range []struct {
		name, body, key string
		status          int
		want            string
	}{
		{"a list", `[{"id":"a","cost":1},{"id":"b","cost":2}]`, "one", 200, `{"resource":"products","inserted":2,"batches":1,"duplicates":0,"triggered":[]}`},
		{"the same again", `[{"id":"a","cost":1},{"id":"b","cost":2}]`, "one", 200, `{"resource":"products","inserted":0,"batches":0,"duplicates":2,"triggered":[]}`},
		{"a record per line", "{\"id\":\"c\"}\n{\"id\":\"d\"}\n", "", 200, `"triggered":["price"]`},
		{"an empty list", `[]`, "", 400, `"code":"DataValidationError"`},
		{"nothing", ``, "", 400, `"code":"DataValidationError"`},
		{"a broken line", "{\"id\":\"e\"}\n{\"id\":", "", 400, `record 2: the JSON ends in the middle`},
		{"a broken list", `[{"id":"e"},`, "", 400, `record 2: the JSON ends in the middle`},
		{"two lists", `[{"id":"e"}] [{"id":"f"}]`, "", 400, `something stands behind the list`},
		{"a number", `[1]`, "", 400, `record 1`},
		{"null", `[null]`, "", 400, `null is no record`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, got := call(t, http.MethodPost, url, test.body, "Idempotency-Key", test.key)
			if status != test.status || !strings.Contains(got, test.want) {
				t.Errorf("got %d %s\nwant %d %s", status, got, test.status, test.want)
			}
		})
	}
	if status, got := call(t, http.MethodPost, strings.Replace(url, "products", "produce", 1), `[{}]`); status != http.StatusNotFound {
		t.Errorf("an unknown resource: got %d %s, want 404", status, got)
	}
}

func TestControl(t *testing.T) {
	server := control(t)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v1/models", "", 200, `{"models":[{"model":"price","type":"regression","resource":"products","state":"untrained"`},
		{"GET", "/v1/models/price", "", 200, `"trainAfterInserts":3`},
		{"GET", "/v1/models/prize", "", 404, `"code":"ModelNotFoundError"`},
		{"GET", "/v1/models/price/versions", "", 200, `[]`},
		{"POST", "/v1/models/price/rollback", "", 409, `"code":"ModelNotTrainedError"`},
		{"POST", "/v1/models/price/rollback", `{"steps":0}`, 400, `"code":"DataValidationError"`},
		{"POST", "/v1/models/price/promote", `{"version":9}`, 404, `"code":"NotFoundError"`},
		{"POST", "/v1/models/price/promote", ``, 400, `"hint":"send {\"version\":3}"`},
		{"POST", "/v1/models/price/promote", `{"version":"x"}`, 400, `"code":"DataValidationError"`},
		{"POST", "/v1/models/price/train", "", 200, `{"run":"price-1","model":"price","state":"queued"}`},
		{"POST", "/v1/models/price/train", "{}", 200, `"run":"price-1"`},
		{"GET", "/v1/models/price/runs", "", 200, `"run":"price-1"`},
		{"GET", "/v1/models/price/runs?before=2&limit=5", "", 200, `"run":"price-1"`},
		{"GET", "/v1/models/price/runs?before=1", "", 200, `"runs":[]`},
		{"GET", "/v1/models/price/runs?limit=-1", "", 400, `"code":"DataValidationError"`},
		{"GET", "/v1/models/price/history?limit=5", "", 200, `"history":[]`},
		{"GET", "/v1/models/price/versions/champion/portrait", "", 409, `"code":"ModelNotTrainedError"`},
		{"GET", "/v1/models/price/versions/7/portrait", "", 404, `"code":"NotFoundError"`},
		{"GET", "/v1/models/price/versions/x/portrait", "", 400, `"code":"DataValidationError"`},
		{"GET", "/v1/resources/products/fields", "", 200, `{"resource":"products","fields":[]}`},
		{"GET", "/v1/resources/product/fields", "", 404, `Error"`},
		{"GET", "/v1/plant", "", 200, `{"queue":"train-default","pending":1`},
		{"GET", "/v1/errors", "", 200, `{"errors":[]}`},
		{"GET", "/v1/stream?model=prize", "", 404, `"code":"ModelNotFoundError"`},
		{"GET", "/readyz", "", 200, `{"ready":true}`},
		{"GET", "/healthz", "", 200, `{"live":true}`},
		{"GET", "/metrics", "", 200, `asynq_queue_size{queue=`},
		{"GET", "/metrics", "", 200, `asynq_up 1`},
		{"GET", "/metrics", "", 200, `retrain_tasks_lost{queue="train-default",why="orphaned"} 0`},
		{"GET", "/", "", 200, `<title>Retrain</title>`},
		{"GET", "/page/main.js", "", 200, `/v1/stream`},
		{"GET", "/monitor/", "", 200, `<div id="root">`},
		{"GET", "/monitor", "", 200, `<div id="root">`},
		{"GET", "/monitor/api/queues", "", 200, `"queues"`},
		{"GET", "/nowhere", "", 404, `"code":"NotFoundError"`},
	} {
		if status, got := call(t, test.method, server.URL+test.path, test.body); status != test.status || !strings.Contains(got, test.want) {
			t.Errorf("%s %s %s: got %d %s\nwant %d %s", test.method, test.path, test.body, status, got, test.status, test.want)
		}
	}
}

func TestStreamTellsOfEachChange(t *testing.T) {
	server := control(t)
	answer, err := http.Get(server.URL + "/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	next := func() (inserts int) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var all struct {
					Models []struct{ InsertsSinceTraining int }
				}
				if err := json.Unmarshal([]byte(data), &all); err != nil {
					t.Fatal(err)
				}
				return all.Models[0].InsertsSinceTraining
			}
		}
		t.Fatal("the stream ended")
		return 0
	}
	if got := next(); got != 0 {
		t.Errorf("at first: got %d inserts, want 0", got)
	}
	call(t, http.MethodPost, server.URL+"/v1/resources/products/records", `[{"id":"a"}]`)
	if got := next(); got != 1 {
		t.Errorf("then: got %d inserts, want 1", got)
	}
}

// A page is sent everything once, and then what has changed.
func TestStreamOfChanges(t *testing.T) {
	server := controlOf(t, testenv.S3(t), `
resources: {products: {}, others: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price}
  weight: {type: regression, resource: others, features: [cost], target: price}
`)
	answer, err := http.Get(server.URL + "/v1/stream?changes=true")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	next := func() (all bool, models string) {
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			var sent struct {
				All    bool
				Models []struct {
					Model                string
					InsertsSinceTraining int
				}
			}
			if json.Unmarshal([]byte(data), &sent) != nil || len(sent.Models) == 0 { // a plant, errors
				continue
			}
			for _, m := range sent.Models {
				models += fmt.Sprintf("%s %d ", m.Model, m.InsertsSinceTraining)
			}
			return sent.All, models
		}
		t.Fatal("the stream ended")
		return false, ""
	}
	if all, got := next(); !all || got != "price 0 weight 0 " {
		t.Errorf("at first: got %v, %q", all, got)
	}
	call(t, http.MethodPost, server.URL+"/v1/resources/others/records", `[{"id":"a"}]`)
	if all, got := next(); all || got != "weight 1 " {
		t.Errorf("then: got %v, %q, want what has changed alone", all, got)
	}
}

// asynq's pages work on a machine that has no way to others.
func TestMonitorAsksNobodyElse(t *testing.T) {
	status, got := call(t, http.MethodGet, control(t).URL+"/monitor/", "")
	if status != http.StatusOK || !strings.Contains(got, "main.") || strings.Contains(got, "https://") {
		t.Errorf("got %d %s", status, got)
	}
}

func TestNoOtherSitePressesButtons(t *testing.T) {
	server := control(t)
	status, _ := call(t, http.MethodPost, server.URL+"/v1/models/price/train", "", "Origin", "https://elsewhere.example")
	if status != http.StatusForbidden {
		t.Errorf("from another site: got %d, want 403", status)
	}
}

func TestListen(t *testing.T) {
	for _, test := range []struct{ addr, key, want string }{
		{"127.0.0.1:0", "", ""},
		{"[::1]:0", "", ""},
		{"0.0.0.0:0", "", "without an API key"},
		{":0", "", "without an API key"},
		{":0", "secret", ""},
		{"nonsense", "", "nonsense"},
	} {
		l, err := httpapi.Listen(test.addr, test.key != "")
		if err == nil {
			l.Close()
		}
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s with key %q: got %v, want %q", test.addr, test.key, err, test.want)
		}
	}
	l, err := httpapi.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := httpapi.Listen(l.Addr().String(), false); err == nil || !strings.Contains(err.Error(), "somebody listens on") {
		t.Errorf("a port in use: got %v", err)
	}
}

// The verbs over runs and models, as the CLI has them.
func TestVerbsOverRuns(t *testing.T) {
	url := control(t).URL
	ok := func(method, path, body, want string) {
		t.Helper()
		if code, got := call(t, method, url+path, body); code != http.StatusOK || !strings.Contains(got, want) {
			t.Errorf("%s %s: got %d %s, want %s", method, path, code, got, want)
		}
	}
	refused := func(method, path, body string, want int) {
		t.Helper()
		if code, got := call(t, method, url+path, body); code != want || !strings.Contains(got, `"code":`) {
			t.Errorf("%s %s: got %d %s, want %d", method, path, code, got, want)
		}
	}
	ok("POST", "/v1/models/price/train", "", `"run":"price-1"`)
	ok("POST", "/v1/models/price/cancel", "", `"cancelled":[{"run":"price-1","model":"price","state":"cancelled"}]`)
	ok("POST", "/v1/runs/price-1/cancel", "", `"price-1"`)
	refused("POST", "/v1/models/price/cancel", "", http.StatusConflict)
	refused("POST", "/v1/runs/price-9/cancel", "", http.StatusNotFound)
	ok("POST", "/v1/models/price/pause", "", `"state":"paused"`)
	ok("POST", "/v1/models/price/resume", "", `"state":"untrained"`)
	ok("GET", "/v1/models/price/history", "", `"history":[]`)
	refused("GET", "/v1/models/price/history?at=yesterday", "", http.StatusBadRequest)
	refused("POST", "/v1/models/price/pin", `{"version":3}`, http.StatusNotFound)
	refused("POST", "/v1/models/price/unpin", `{}`, http.StatusBadRequest)
	ok("DELETE", "/v1/models/price", "", `"done":true`)
	refused("POST", "/v1/models/price/pause", "", http.StatusNotFound)
}
