package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain/internal/httpapi"
	"retrain/internal/keyring"
	"retrain/internal/testenv"
)

// serving starts a server and returns its address, and what ends it and returns how it ended.
func serving(t *testing.T, serve func(ctx context.Context, l net.Listener) error) (address string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l) }()
	end = func() error {
		stop()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() {
		if err := end(); err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String(), end
}

// openKeys returns a store without keys.
func openKeys(t *testing.T) *keyring.Store {
	t.Helper()
	_, a := openControl(t, testenv.S3(t), twoResources)
	return a.Keys
}

// A caller writes what it likes over one connection.
type caller struct {
	*testing.T
	net.Conn
	answers *bufio.Reader
}

func ring(t *testing.T, address string) *caller {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &caller{t, c, bufio.NewReader(c)}
}

// write writes a text; nothing says that nothing more will come.
func (c *caller) write(text string) {
	c.Helper()
	if tcp, ok := c.Conn.(*net.TCPConn); text == "" && ok {
		_ = tcp.CloseWrite() // who has gone away need not hear it
		return
	}
	if _, err := io.WriteString(c, text); err != nil {
		c.Fatal(err)
	}
}

// answer returns an answer as text, without its date, or how the connection ended.
func (c *caller) answer() string {
	c.Helper()
	r, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return "ended"
	}
	defer r.Body.Close()
	if r.StatusCode >= http.StatusOK && r.StatusCode < http.StatusBadRequest && r.Header.Get("Date") == "" {
		c.Error("an answer has no date")
	}
	r.Header.Del("Date")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.Error(err)
	}
	return fmt.Sprint(r.Status, r.Header, r.ContentLength, r.Close, string(body))
}

const (
	usualHead = "POST /v1/models/price:predict HTTP/1.1\r\nHost: localhost:8501\r\nContent-Type: application/json\r\n"
	usualBody = `{"instances":[{"cost":1.5},{"cost":2}]}`
)

func post(head, body string) string {
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

// Whatever is written, usual or not, the answers are those of net/http alone, up to the last.
func TestExpressAnswersAsNetHTTP(t *testing.T) {
	p := server(shop{ready: true})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		p.Handler().ServeHTTP(w, r)
	})
	door := &httpapi.Door{Open: true, Ring: &keyring.Ring{Store: openKeys(t), Log: p.Log}, Log: p.Log}
	fast, _ := serving(t, func(ctx context.Context, l net.Listener) error {
		return (&httpapi.Server{Door: door}).ServePredictions(ctx, l, p)
	})
	plain, _ := serving(t, func(ctx context.Context, l net.Listener) error { return httpapi.Serve(ctx, l, h) })
	usual := post(usualHead, usualBody)
	for name, requests := range map[string][]string{
		"usual":                      {usual},
		"several":                    {usual, usual, usual},
		"two at once":                {usual + usual, usual}, // who hung up meanwhile would not get the second one
		"names in small letters":     {post("POST /v1/models/price:predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json; charset=utf-8\r\n", usualBody)},
		"as curl does":               {post("POST /v1/models/price:predict HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8\r\nAccept: */*\r\n", usualBody)},
		"a form":                     {post("POST /v1/models/price:predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n", usualBody)},
		"another type":               {post("POST /v1/models/price:predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n", usualBody)},
		"something else after it":    {usual, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", usual},
		"something else":             {"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", usual},
		"another model":              {post("POST /v1/models/iris:predict HTTP/1.1\r\nHost: localhost\r\n", `{"instances":[{"colour":"red"}]}`), usual},
		"an unknown model":           {post("POST /v1/models/nobody:predict HTTP/1.1\r\nHost: localhost\r\n", usualBody), usual},
		"a strange name":             {post("POST /v1/models/..:predict HTTP/1.1\r\nHost: localhost\r\n", usualBody)},
		"an escaped name":            {post("POST /v1/models/pric%65:predict HTTP/1.1\r\nHost: localhost\r\n", usualBody)},
		"a version":                  {post("POST /v1/models/price/versions/5:predict HTTP/1.1\r\nHost: localhost\r\n", usualBody)},
		"details":                    {post("POST /v1/models/price:predict?details=true HTTP/1.1\r\nHost: localhost\r\n", usualBody), usual},
		"a verb in capitals":         {post("POST /v1/models/price:PREDICT HTTP/1.1\r\nHost: localhost\r\n", usualBody)},
		"what cannot be read":        {post(usualHead, `{"instances":[{"cost":`), usual},
		"what is missing":            {post(usualHead, `{"instances":[{}]}`), usual},
		"one too many":               {post(usualHead, `{"instances":[{"cost":-429}]}`), usual},
		"too many records":           {post(usualHead, `{"instances":[{"cost":1}`+strings.Repeat(`,{"cost":1}`, 50)+`]}`), usual},
		"too large":                  {post(usualHead, strings.Repeat(" ", 1001))},
		"no length":                  {usualHead + "\r\n", ""},
		"two lengths":                {usualHead + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", ""},
		"a length that is none":      {usualHead + "Content-Length: +2\r\n\r\n{}", ""},
		"in chunks":                  {usualHead + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(usualBody), usualBody), usual},
		"chunks and a length":        {usualHead + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", ""},
		"a time to wait":             {post(usualHead+"X-Request-Timeout: 10s\r\n", usualBody), usual},
		"one request, then the end":  {post(usualHead+"Connection: close\r\n", usualBody), ""},
		"kept alive":                 {post(usualHead+"Connection: keep-alive\r\n", usualBody), usual},
		"HTTP/1.0":                   {post(strings.Replace(usualHead, "HTTP/1.1", "HTTP/1.0", 1), usualBody), ""},
		"without a host":             {post("POST /v1/models/price:predict HTTP/1.1\r\n", usualBody), ""},
		"two hosts":                  {post("POST /v1/models/price:predict HTTP/1.1\r\nHost: a\r\nHost: b\r\n", usualBody), ""},
		"a strange host":             {post("POST /v1/models/price:predict HTTP/1.1\r\nHost: a b\r\n", usualBody), ""},
		"a blank before the colon":   {post(usualHead+"Accept : x\r\n", usualBody), ""},
		"a field in two lines":       {post(usualHead+"Accept: x\r\n y\r\n", usualBody), ""},
		"a line that ends in half":   {post(usualHead+"Accept: x\nAuthorization: y\r\n", usualBody), ""},
		"a control character":        {post(usualHead+"Accept: \x01\r\n", usualBody), ""},
		"waiting for the word":       {usualHead + fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(usualBody)), usualBody},
		"a large head":               {post(usualHead+"User-Agent: "+strings.Repeat("x", 5000)+"\r\n", usualBody), usual},
		"no HTTP":                    {"hello\r\n\r\n", ""},
		"a word of another protocol": {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := ring(t, fast), ring(t, plain)
			for i, request := range requests {
				got.write(request)
				want.write(request)
				g, w := got.answer(), want.answer()
				if g != w {
					t.Errorf("answer %d: got  %s\nwant %s", i+1, g, w)
				}
				if w == "ended" {
					break
				}
			}
		})
	}
}

// A request may come in any pieces.
func TestExpressReadsPieces(t *testing.T) {
	_, address, _ := express(t, time.Hour, time.Hour)
	c := ring(t, address)
	whole := []byte(post(usualHead, usualBody))
	for size := range slices.Values([]int{1, 7, 50, len(whole) - 1}) {
		for piece := range slices.Chunk(whole, size) {
			c.write(string(piece))
		}
		if got := c.answer(); !strings.Contains(got, `{"predictions":[3,4]}`) {
			t.Errorf("in pieces of %d: got %s", size, got)
		}
	}
}

func TestExpressAsksForTheKey(t *testing.T) {
	p := server(shop{ready: true})
	door := &httpapi.Door{Open: true, Ring: &keyring.Ring{Store: openKeys(t), Root: "secret", Log: p.Log}, Log: p.Log}
	address, _ := serving(t, func(ctx context.Context, l net.Listener) error {
		return (&httpapi.Server{Door: door}).ServePredictions(ctx, l, p)
	})
	for field, want := range map[string]string{
		"": "401", "Authorization: Bearer secret\r\n": "200", "Authorization: Bearer secre\r\n": "401", "X-API-Key: secret\r\n": "200", "x-api-key: Secret\r\n": "401",
		"Authorization: Basic OnNlY3JldA==\r\n": "200", "Authorization: \r\n": "401", "X-API-Key: secret\r\nX-API-Key: secret\r\n": "200",
	} {
		c := ring(t, address)
		c.write(post(usualHead+field, usualBody))
		if got := c.answer(); !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %s, want %s", field, got, want)
		}
	}
}

func TestExpressKnowsTheMachinesNames(t *testing.T) {
	p := server(shop{ready: true})
	door := &httpapi.Door{Open: true, Ring: &keyring.Ring{Store: openKeys(t), Log: p.Log}, Log: p.Log}
	address, _ := serving(t, func(ctx context.Context, l net.Listener) error {
		return (&httpapi.Server{Door: door}).ServePredictions(ctx, l, p)
	})
	for host, want := range map[string]string{"localhost:8501": "200", "stranger.example:8501": "421", "127.0.0.1": "200"} {
		c := ring(t, address)
		c.write(post(strings.Replace(usualHead, "localhost:8501", host, 1), usualBody))
		if got := c.answer(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

// express starts a server with so much patience.
func express(t *testing.T, idle, stalls time.Duration) (e *httpapi.Express, address string, end func() error) {
	t.Helper()
	made := make(chan *httpapi.Express, 1)
	address, end = serving(t, func(ctx context.Context, l net.Listener) error {
		e := httpapi.NewExpress(server(shop{ready: true}), l, idle, stalls)
		made <- e
		return e.Serve(ctx)
	})
	return <-made, address, end
}

// heard waits until something has come on so many connections.
func heard(t *testing.T, e *httpapi.Express, since time.Time, want int) {
	t.Helper()
	testenv.Eventually(t, time.Minute, func() error {
		if got := e.Heard(since); got != want {
			return fmt.Errorf("%d connections say something, want %d", got, want)
		}
		return nil
	})
}

// At the end what has begun to come is answered, and who says nothing hears of it.
func TestExpressEnds(t *testing.T) {
	e, address, end := express(t, time.Hour, time.Hour)
	idle, half := ring(t, address), ring(t, address)
	for _, c := range []*caller{idle, half} {
		c.write(post(usualHead, usualBody))
		c.answer()
	}
	whole, before := post(usualHead, usualBody), time.Now()
	half.write(whole[:len(whole)-5])
	heard(t, e, before, 1)
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	if got := idle.answer(); got != "ended" {
		t.Errorf("who says nothing: got %s", got)
	}
	half.write(whole[len(whole)-5:])
	if got := half.answer(); !strings.HasPrefix(got, "200") {
		t.Errorf("what had begun: got %s", got)
	}
	if got := half.answer(); got != "ended" {
		t.Errorf("afterwards: got %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("somebody listens at the end")
	}
}

// Who stalls within a request is net/http's business, and who says nothing for long is nobody's.
func TestExpressHasPatience(t *testing.T) {
	e, address, _ := express(t, time.Hour, 2*time.Millisecond)
	whole := post(usualHead, usualBody)
	c := ring(t, address)
	c.write(whole)
	c.answer()
	c.write(whole[:len(whole)-5])
	heard(t, e, time.Time{}, 0)
	c.write(whole[len(whole)-5:])
	if got := c.answer(); !strings.HasPrefix(got, "200") {
		t.Errorf("who stalled: got %s", got)
	}
	_, address, _ = express(t, 2*time.Millisecond, 2*time.Millisecond)
	c = ring(t, address)
	c.write(whole)
	c.answer()
	if got := c.answer(); got != "ended" {
		t.Errorf("who is silent: got %s", got)
	}
}
