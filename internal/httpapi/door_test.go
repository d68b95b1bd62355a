package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"retrain/api"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/keyring"
	"retrain/internal/testenv"
)

// A locked server is a control server behind a door, and what it logs.
type locked struct {
	app   *app.App
	store testenv.Store
	url   string
	log   *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex // guards the following
	b  bytes.Buffer
}

func (s *safeBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const twoResources = `
resources: {products: {}, orders: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price}
  delay: {type: regression, resource: orders, features: [cost], target: days}
`

// lock starts a server whose door is as adjust makes it. The root key is "root".
func lock(t *testing.T, adjust func(*httpapi.Server)) *locked {
	t.Helper()
	store := testenv.S3(t)
	_, a := openControl(t, store, twoResources)
	l := &locked{app: a, store: store, log: new(safeBuffer)}
	log := slog.New(slog.NewTextHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	door := &httpapi.Door{Ring: &keyring.Ring{Store: a.Keys, Root: "root", Log: log}, Log: log}
	s := &httpapi.Server{Door: door}
	adjust(s)
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &httpapi.Control{App: a, Metrics: httpapi.NewMetrics("test"), Origins: door.Origins}
	h, ended := c.Handler(ctx), make(chan error, 1)
	go func() { ended <- s.Serve(ctx, here, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	l.url = "http://" + here.Addr().String()
	return l
}

// key creates one over HTTP.
func (l *locked) key(t *testing.T, wish string) api.CreatedKey {
	t.Helper()
	status, text := call(t, http.MethodPost, l.url+"/v1/keys", wish, "Authorization", "Bearer root")
	var k api.CreatedKey
	if err := json.Unmarshal([]byte(text), &k); err != nil || status != http.StatusCreated {
		t.Fatalf("create a key: %d %s", status, text)
	}
	return k
}

func TestWhoMayDoWhat(t *testing.T) {
	l := lock(t, func(*httpapi.Server) {})
	read, write, admin := l.key(t, `{"name":"reader"}`).Secret, l.key(t, `{"name":"writer","role":"write"}`).Secret, l.key(t, `{"name":"boss","role":"admin"}`).Secret
	some := l.key(t, `{"name":"shop","role":"admin","resources":["products"]}`).Secret
	soon := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	passing := l.key(t, `{"name":"passing","role":"admin","expiresAt":"`+soon+`"}`).Secret
	gone := l.key(t, `{"name":"gone","role":"admin"}`)
	const spec = `{"type":"regression","resource":"products","features":["cost"],"target":"price"}`
	for _, test := range []struct {
		name, key, method, path, body string
		want                          int
	}{
		{"nobody", "", "GET", "/v1/models", "", 401},
		{"a guess", "guess", "GET", "/v1/models", "", 401},
		{"a probe", "", "GET", "/healthz", "", 200},
		{"the page, which asks for a key itself", "", "GET", "/", "", 200},
		{"the queues' page", "", "GET", "/monitor/", "", 401},
		{"a reader reads", read, "GET", "/v1/models/price", "", 200},
		{"a reader inserts", read, "POST", "/v1/resources/products/records", `[{"id":"1"}]`, 403},
		{"a reader trains", read, "POST", "/v1/models/price/train", "", 403},
		{"a reader looks at queues", read, "GET", "/monitor/", "", 200},
		{"a reader stops a queue", read, "POST", "/monitor/api/queues/default:pause", "", 403},
		{"a writer stops a queue", write, "POST", "/monitor/api/queues/default:pause", "", 403},
		{"a writer inserts", write, "POST", "/v1/resources/products/records", `[{"id":"1"}]`, 200},
		{"a writer declares", write, "PUT", "/v1/models/price", spec, 403},
		{"a writer disposes", write, "DELETE", "/v1/models/price", "", 403},
		{"a writer makes keys", write, "POST", "/v1/keys", `{"name":"x","role":"admin"}`, 403},
		{"a writer lists keys", write, "GET", "/v1/keys", "", 403},
		{"an admin lists keys", admin, "GET", "/v1/keys", "", 200},
		{"an admin declares", admin, "PUT", "/v1/models/price", spec, 200},
		{"a shop's key in its own", some, "GET", "/v1/models/price", "", 200},
		{"a shop's key inserts", some, "POST", "/v1/resources/products/records", `[{"id":"2"}]`, 200},
		{"a shop's key elsewhere", some, "GET", "/v1/models/delay", "", 403},
		{"a shop's key inserts elsewhere", some, "POST", "/v1/resources/orders/records", `[{"id":"2"}]`, 403},
		{"a shop's key ends others' runs", some, "POST", "/v1/runs/delay-1/cancel", "", 403},
		{"a shop's key ends others' runs by the model", some, "POST", "/v1/runs/delay/cancel", "", 403},
		{"a shop's key asks for what is not", some, "GET", "/v1/models/none", "", 403},
		{"a shop's key makes keys", some, "POST", "/v1/keys", `{"name":"x","role":"admin"}`, 403},
		{"a shop's key revokes", some, "DELETE", "/v1/keys/" + gone.ID, "", 403},
		{"a shop's key applies", some, "POST", "/v1/apply", `{"resources":{"mine":{}}}`, 403},
		{"a shop's key declares for others", some, "PUT", "/v1/resources/orders", `{}`, 403},
		{"a shop's key takes a model along", some, "PUT", "/v1/models/price", strings.Replace(spec, "products", "orders", 1), 403},
		{"a shop's key makes a model of others' records", some, "PUT", "/v1/models/mine", strings.Replace(spec, "products", "orders", 1), 403},
		{"a shop's key looks at queues", some, "GET", "/monitor/api/queues", "", 403},
		{"a passing key makes a lasting one", passing, "POST", "/v1/keys", `{"name":"x"}`, 400},
		{"an admin revokes", admin, "DELETE", "/v1/keys/" + gone.ID, "", 204},
		{"an admin revokes what is not", admin, "DELETE", "/v1/keys/" + gone.ID, "", 404},
	} {
		if got, text := call(t, test.method, l.url+test.path, test.body, "Authorization", "Bearer "+test.key); got != test.want {
			t.Errorf("%s: got %d %s, want %d", test.name, got, text, test.want)
		}
	}
	for path, want := range map[string]string{"/v1/models": `"price"`, "/v1/resources": `"products"`, "/v1/stats": `"price"`} {
		status, text := call(t, http.MethodGet, l.url+path, "", "X-API-Key", some)
		if status != http.StatusOK || !strings.Contains(text, want) || strings.Contains(text, "delay") || strings.Contains(text, "orders") {
			t.Errorf("%s with a shop's key: got %d %s", path, status, text)
		}
	}
}

// A key that is wrong, or a secret that somebody sends where it does not belong, stands in no answer and in no log.
func TestNothingLeaks(t *testing.T) {
	l := lock(t, func(*httpapi.Server) {})
	secret := l.key(t, `{"name":"reader"}`).Secret
	var answers strings.Builder
	say := func(method, path, body string, header ...string) {
		_, text := call(t, method, l.url+path, body, header...)
		answers.WriteString(text)
	}
	wrong := secret[:len(secret)-4] + "ZZZZ"
	say("GET", "/v1/models", "", "Authorization", "Bearer "+wrong)
	say("GET", "/v1/models", "", "X-API-Key", wrong)
	say("POST", "/v1/models/price/train", "", "Authorization", "Bearer "+secret)
	say("GET", "/v1/keys", "", "Authorization", "Bearer root")
	say("GET", "/v1/doctor", "", "Authorization", "Bearer root")
	say("POST", "/v1/apply", `{"redis":{"password":"hunter2"},"s3":{"secretAccessKey":"hunter2"},"models":{"x":{"type":"magic"}}}`, "Authorization", "Bearer root")
	for _, hidden := range []string{secret, wrong, "hunter2", l.app.Config.S3.SecretAccessKey, `"sha256"`} {
		if hidden != "" && (strings.Contains(answers.String(), hidden) || strings.Contains(l.log.String(), hidden)) {
			t.Errorf("%q stands in an answer or in the log:\n%s\n%s", hidden, answers.String(), l.log)
		}
	}
}

func TestWhoComesTooOftenIsToldWhenToComeAgain(t *testing.T) {
	l := lock(t, func(s *httpapi.Server) { s.Door.Rate, s.Door.Burst = 0.01, 2 })
	other := l.key(t, `{"name":"other"}`).Secret // the first of two
	if status, _ := call(t, http.MethodGet, l.url+"/v1/models", "", "X-API-Key", "root"); status != http.StatusOK {
		t.Errorf("within the burst: got %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", "root")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	var p api.Problem
	if err := json.NewDecoder(got.Body).Decode(&p); err != nil || got.StatusCode != http.StatusTooManyRequests || p.Code != "OverloadedError" {
		t.Errorf("too often: got %d %+v, %v", got.StatusCode, p, err)
	}
	if after := got.Header.Get("Retry-After"); after == "" || after == "0" || after == "1" {
		t.Errorf("Retry-After: got %q, want about 100", after)
	}
	if status, _ := call(t, http.MethodGet, l.url+"/v1/models", "", "X-API-Key", other); status != http.StatusOK {
		t.Errorf("with another key: got %d", status)
	}
}

func TestPagesOfOtherSitesAskOnlyWhereThatIsSaid(t *testing.T) {
	const shop, stranger = "https://shop.example", "https://stranger.example"
	l := lock(t, func(s *httpapi.Server) { s.Door.Origins = []string{shop} })
	ask := func(method, origin string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, l.url+"/v1/models/price/pause", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { got.Body.Close() })
		return got
	}
	for origin, want := range map[string]string{shop: shop, stranger: ""} {
		got := ask(http.MethodOptions, origin, "Access-Control-Request-Method", "POST")
		if allowed := got.Header.Get("Access-Control-Allow-Origin"); allowed != want {
			t.Errorf("%s may ask first: got %q, want %q", origin, allowed, want)
		}
	}
	if got := ask(http.MethodPost, shop, "Authorization", "Bearer root"); got.StatusCode != http.StatusOK {
		t.Errorf("from the shop: got %d", got.StatusCode)
	}
	if got := ask(http.MethodPost, stranger, "Authorization", "Bearer root"); got.StatusCode != http.StatusForbidden {
		t.Errorf("from elsewhere: got %d", got.StatusCode)
	}
}

// A page elsewhere that lets its name point to this machine is not let in where nobody needs a key.
func TestAnotherNameOfThisMachineNeedsAKey(t *testing.T) {
	l := lock(t, func(s *httpapi.Server) { s.Door.Open, s.Door.Ring.Root = true, "" })
	for host, want := range map[string]int{"": 200, "localhost": 200, "localhost:8080": 200, "[::1]:8080": 200, "[::1]": 200, "127.0.0.1": 200, "stranger.example": 421, "stranger.example:8080": 421,
		"localhost.stranger.example": 421, "127.0.0.1.stranger.example:80": 421} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v1/models", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("Host %q: got %d, want %d", host, got.StatusCode, want)
		}
	}
}
