// Package client does from a Go program, over HTTP, what the command producer does. It needs nothing but the standard library: no
// TensorFlow, no Redis and no S3.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/api"
)

// A Client asks a `producer serve`. Its fields must not be changed while it is used; any number of goroutines may use it. What goes
// wrong is a *retrain.Error: errors.Is(err, retrain.ModelNotFoundError) asks for its class. An UnavailableError says that nobody
// answers, or nobody in time.
type Client struct {
	URL        string       // like http://127.0.0.1:8080
	Key        string       // API key; "" where none is needed
	PredictURL string       // of a prediction worker, which is asked for predictions directly; "": through the queue
	HTTP       *http.Client // http.DefaultClient
	Tries      int          // how often what may be sent again is sent, while the server is overloaded or away; 4
}

// The longest answer that is read into memory, in bytes.
const mostAnswer = 1 << 30

// A call is a request and where its answer goes.
type call struct {
	method, url string
	body        any  // encoded as JSON; []byte is sent as it is
	again       bool // it may be sent again
	header      http.Header
	into        any // decoded from JSON; an io.Writer gets what comes; nil: nothing
}

func path(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return "/v1/" + strings.Join(escaped, "/")
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, &call{method: http.MethodGet, url: c.at(path), again: true, into: into})
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.do(ctx, &call{method: http.MethodPost, url: c.at(path), body: body, into: into})
}

func (c *Client) at(path string) string { return strings.TrimSuffix(c.URL, "/") + path }

// do sends a call, again where that is of use.
func (c *Client) do(ctx context.Context, what *call) error {
	body, err := encode(what.body)
	if err != nil {
		return retrain.Errorf(retrain.DataValidationError, "%s: %w", what.url, err)
	}
	for try := 1; ; try++ {
		wait, err := c.send(ctx, what, body)
		if err == nil || !what.again || wait <= 0 || try >= cmp.Or(c.Tries, 4) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

func encode(body any) ([]byte, error) {
	switch body := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return body, nil
	}
	return json.Marshal(body)
}

// send sends a call once. With an error it says how long to wait before it is sent again, 0 for never.
func (c *Client) send(ctx context.Context, what *call, body []byte) (wait time.Duration, err error) {
	got, err := c.open(ctx, what, body)
	if err != nil {
		return time.Second, err
	}
	defer func() { _ = got.Body.Close() }() // it was read
	if got.StatusCode < 200 || got.StatusCode > 299 {
		return waitOf(got), refusal(got)
	}
	if out, ok := what.into.(io.Writer); ok {
		_, err = io.Copy(out, got.Body)
		return 0, unanswered(what.url, err)
	}
	b, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer))
	if err != nil {
		return time.Second, unanswered(what.url, err)
	}
	if what.into == nil || len(b) == 0 {
		return 0, nil
	}
	if err := json.Unmarshal(b, what.into); err != nil {
		return 0, retrain.Errorf(retrain.MLError, "%s does not answer as a producer does: %w", what.url, err)
	}
	return 0, nil
}

// open sends a request. Its answer's body must be closed.
func (c *Client) open(ctx context.Context, what *call, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, what.method, what.url, bytes.NewReader(body))
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%w", err).WithHint("an address is written http://127.0.0.1:8080")
	}
	if what.header != nil {
		r.Header = what.header.Clone()
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		r.Header.Set("Authorization", "Bearer "+c.Key)
	}
	got, err := cmp.Or(c.HTTP, http.DefaultClient).Do(r)
	return got, unanswered(what.url, err)
}

func unanswered(url string, err error) error {
	if err == nil {
		return nil
	}
	return retrain.Errorf(retrain.UnavailableError, "%s: %w", url, err).WithHint("is producer serve running there?")
}

// waitOf returns after how long a refused request may be sent again, 0 for never.
func waitOf(got *http.Response) time.Duration {
	if got.StatusCode != http.StatusTooManyRequests && got.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	seconds, err := strconv.Atoi(got.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return time.Duration(seconds) * time.Second
}

// A Refusal is what the server says of records that it does not take. errors.As finds it in the error of an insert.
type Refusal struct {
	Err     *retrain.Error
	Records []api.RecordError
}

// Error returns what the error itself says.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the error itself.
func (r *Refusal) Unwrap() error { return r.Err }

// refusal returns the error that the server sent.
func refusal(got *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(got.Body, 1<<20)) // what is there
	var p api.Problem
	if json.Unmarshal(b, &p) != nil || p.Code == "" {
		code := retrain.MLError
		if got.StatusCode >= http.StatusInternalServerError {
			code = retrain.UnavailableError // a balancer's, perhaps
		}
		p = api.Problem{Code: code, Detail: fmt.Sprintf("the server answers %s", got.Status)}
	}
	e := &retrain.Error{Code: p.Code, Message: cmp.Or(p.Detail, p.Error), Hint: p.Hint, Needs: p.Needs}
	if len(p.Errors) > 0 {
		return &Refusal{e, p.Errors}
	}
	return e
}

// key returns the id of a batch that is sent.
func key(batch string) http.Header {
	return http.Header{"Idempotency-Key": {cmp.Or(batch, rand.Text())}}
}
