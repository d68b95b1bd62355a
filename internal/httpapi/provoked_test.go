package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/internal/httpapi"
)

const errorsFile = "../../docs/errors-http.md"

// A provocation is a request, and the class and status of the error that it is answered with.
type provocation struct {
	why, method, path, body string
	header                  []string
	status                  int
	code                    retrain.Code
}

// Every class of error is provoked over HTTP, and what is answered stands in a page: go test ./internal/httpapi -update.
func TestEveryErrorIsProvoked(t *testing.T) {
	l := lock(t, func(s *httpapi.Server) { s.Door.Rate, s.Door.Burst = 0.0001, 200 })
	reader := l.key(t, `{"name":"reader"}`).Secret
	fail := func(model string, e *retrain.Error) {
		id, err := l.app.Train(t.Context(), model, true)
		if err == nil {
			_, err = l.app.Runs.FinishRun(t.Context(), id, retrain.Result{State: retrain.Failed, EndedAt: time.Now(), Why: e.Message, Error: e})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	fail("price", retrain.Errorf(retrain.InsufficientDataError, "Insufficient training data: 5 samples (minimum: 10)"))
	fail("delay", retrain.Errorf(retrain.TrainingError, "the loss is not a number in epoch 3"))
	root := []string{"Authorization", "Bearer root"}
	all := []provocation{
		{"no key", "GET", "/v1/models", "", nil, 401, retrain.MLError},
		{"a key that may not", "POST", "/v1/models/price/train", "", []string{"X-API-Key", reader}, 403, retrain.MLError},
		{"no such path", "GET", "/v1/nowhere", "", root, 404, retrain.NotFoundError},
		{"another method", "PATCH", "/v1/models/price", "", root, 405, retrain.DataValidationError},
		{"no such model", "GET", "/v1/models/prize", "", root, 404, retrain.ModelNotFoundError},
		{"no such resource", "POST", "/v1/resources/product/records", `[{"id":"1"}]`, root, 404, retrain.NotFoundError},
		{"no such run", "GET", "/v1/runs/price-99", "", root, 404, retrain.NotFoundError},
		{"a declaration that cannot be", "PUT", "/v1/models/price", `{"type":"magic","resource":"products"}`, root, 400, retrain.ModelConfigError},
		{"a key that is not known", "PUT", "/v1/models/price", `{"type":"regression","resource":"products","featurs":["cost"]}`, root, 400, retrain.ModelConfigError},
		{"a record that is none", "POST", "/v1/resources/products/records", `[{"id":"1"},7,null]`, root, 400, retrain.DataValidationError},
		{"half a body", "POST", "/v1/resources/products/records", `[{"id":"1"},`, root, 400, retrain.DataValidationError},
		{"no JSON", "POST", "/v1/resources/products/records", `<x/>`, append([]string{"Content-Type", "application/xml"}, root...), 415, retrain.DataValidationError},
		{"an unknown encoding", "POST", "/v1/resources/products/records", `x`, append([]string{"Content-Encoding", "br"}, root...), 415, retrain.DataValidationError},
		{"a small body that becomes large", "POST", "/v1/events/s3", bomb(t), append([]string{"Content-Encoding", "gzip"}, root...), 413, retrain.DataValidationError},
		{"not trained yet", "POST", "/v1/models/price:predict", `{"instances":[{"cost":1}]}`, root, 409, retrain.ModelNotTrainedError},
		{"nothing to cancel", "POST", "/v1/runs/price-1/cancel", "", root, 409, retrain.ConflictError},
	}
	table := provoke(t, l.url, all)
	table += runsError(t, l, "price-1", retrain.InsufficientDataError) + runsError(t, l, "delay-1", retrain.TrainingError)
	for range 200 { // until the burst is used up
		if status, _ := call(t, http.MethodGet, l.url+"/v1/models/price", "", root...); status == http.StatusTooManyRequests {
			break
		}
	}
	table += provoke(t, l.url, []provocation{{"too often", "GET", "/v1/models", "", root, 429, retrain.OverloadedError}})

	server, a := openControl(t, l.store, declared)
	if err := a.Redis.Close(); err != nil {
		t.Fatal(err)
	}
	table += provoke(t, server.URL, []provocation{{"Redis is away", "GET", "/v1/models", "", nil, 503, retrain.UnavailableError}})
	predicts := httptest.NewServer(predictions(shop{}))
	defer predicts.Close()
	table += provoke(t, predicts.URL, []provocation{
		{"of a prediction worker: a feature is missing", "POST", "/v1/models/price:predict", `{"instances":[{}]}`, nil, 400, retrain.DataValidationError},
		{"of a prediction worker: an answer that is no number", "POST", "/v1/models/price:predict", `{"instances":[{"cost":-1e300}]}`, nil, 400, retrain.DataValidationError},
		{"of a prediction worker: the version cannot answer", "POST", "/v1/models/broken:predict", `{"instances":[{}]}`, nil, 500, retrain.PredictionError},
		{"of a prediction worker: a mistake of ours", "POST", "/v1/models/broken:predict", `{"instances":[{"cost":1}]}`, nil, 500, retrain.MLError},
		{"of a prediction worker: too slow for its caller", "POST", "/v1/models/price:predict", `{"instances":[{"cost":1}]}`, []string{"X-Request-Timeout", "1ns"}, 504, retrain.UnavailableError},
	})
	page := "# Errors over HTTP\n\nProvoked by a test, `go test ./internal/httpapi -run Provoked -update`, which writes this page. [errors.md](errors.md) says what each class\n" +
		"means. `TensorFlowDependencyError` (503) needs a machine without the library: `worker doctor` there.\n\n| provoked by | status | code | detail | hint |\n| --- | --- | --- | --- | --- |\n" + table
	if *update {
		if err := os.WriteFile(errorsFile, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := os.ReadFile(errorsFile); err != nil || string(was) != page {
		t.Errorf("%s is not what is answered (%v): go test ./internal/httpapi -run Provoked -update\n%s", errorsFile, err, page)
	}
}

// provoke sends requests and returns lines of the table.
func provoke(t *testing.T, url string, all []provocation) string {
	t.Helper()
	var b strings.Builder
	for _, p := range all {
		status, text := call(t, p.method, url+p.path, p.body, p.header...)
		var said struct {
			Detail, Error, Hint string
			Status              int
			Code                retrain.Code
		}
		if err := json.Unmarshal([]byte(text), &said); err != nil || status != p.status || said.Code != p.code || said.Error == "" {
			t.Errorf("%s: got %d %s, want %d %s", p.why, status, text, p.status, p.code)
		}
		if said.Detail != "" && said.Status != status {
			t.Errorf("%s: the status is %d, and %d in the problem", p.why, status, said.Status)
		}
		b.WriteString(line(p.why, status, said.Code, said.Error, said.Hint))
	}
	return b.String()
}

func line(why string, status int, code retrain.Code, detail, hint string) string {
	clean := strings.NewReplacer("|", "\\|", "\n", " ")
	if code == retrain.UnavailableError && status == http.StatusServiceUnavailable {
		detail = "…" // it has an address in it
	}
	return fmt.Sprintf("| %s | %d | `%s` | %s | %s |\n", why, status, code, clean.Replace(detail), clean.Replace(hint))
}

// runsError returns the line of what a run failed with: the answer itself is a success.
func runsError(t *testing.T, l *locked, run string, want retrain.Code) string {
	t.Helper()
	status, text := call(t, http.MethodGet, l.url+"/v1/runs/"+run, "", "Authorization", "Bearer root")
	var r struct{ Error retrain.Error }
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Error.Code != want {
		t.Errorf("%s: got %d %s", run, status, text)
	}
	return line("`error` of a run that failed", status, r.Error.Code, r.Error.Message, r.Error.Hint)
}

// bomb is a few kilobytes that become ten megabytes.
func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(bytes.Repeat([]byte(" "), 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
