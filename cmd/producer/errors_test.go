package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"retrain"
)

// A failingFitter fails as the names of models say.
type failingFitter struct{ meanFitter }

func (f failingFitter) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	switch job.Model.Name {
	case "diverges":
		return retrain.Fit{}, retrain.Errorf(retrain.TrainingError, "the loss is not finite after epoch 3").WithHint("lower modelConfig.learningRate")
	case "elsewhere":
		return retrain.Fit{}, retrain.Errorf(retrain.TensorFlowDependencyError, "libtensorflow finds no GPU")
	}
	return f.meanFitter.Fit(ctx, job)
}

const failing = `
resources: {products: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, minTrainingSamples: 3}
  few: {type: regression, resource: products, features: [cost], target: price, minTrainingSamples: 100}
  diverges: {type: regression, resource: products, features: [cost], target: price, minTrainingSamples: 3}
  elsewhere: {type: regression, resource: products, features: [cost], target: price, minTrainingSamples: 3}
  never: {type: regression, resource: products, features: [cost], target: price}
`

// A worker that answers wrongly.
func wrongWorker(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Every class of error, provoked on the command line: docs/errors.md has the table that comes of it.
func TestEveryError(t *testing.T) {
	s := newStage(t)
	s.ok("apply", "-f", s.write("retrain.yaml", failing))
	s.worksBy(failingFitter{})
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price", "--wait")
	garbage, full := wrongWorker(t, http.StatusOK, "hello"), wrongWorker(t, http.StatusTooManyRequests, `{"error":"64 questions wait already","code":"OverloadedError","hint":"come again in 1 s"}`)
	nowhere := s.write("nowhere.yaml", "s3: {bucket: b, endpoint: 'http://127.0.0.1:1', pathStyle: true, accessKeyId: k, secretAccessKey: s}\n")
	gone, end := context.WithCancel(t.Context())
	end()
	const question = `--features={"cost":1}`
	var table strings.Builder
	for _, test := range []struct {
		code retrain.Code
		exit int
		gone bool   // Ctrl-C was pressed
		what string // as the table has it
		args []string
	}{
		{retrain.ModelConfigError, 1, false, "apply -f bad.yaml", []string{"apply", "-f", "testdata/bad-key.yaml"}},
		{retrain.DataValidationError, 1, false, "predict price --features '{\"demand\": 5}'", []string{"predict", "price", `--features={"demand": 5}`}},
		{retrain.ModelNotFoundError, 1, false, "train pricee", []string{"train", "pricee"}},
		{retrain.NotFoundError, 1, false, "promote price 9", []string{"promote", "price", "9"}},
		{retrain.ModelNotTrainedError, 1, false, "predict never …", []string{"predict", "never", question}},
		{retrain.InsufficientDataError, 1, false, "train few --wait", []string{"train", "few", "--wait"}},
		{retrain.ConflictError, 1, false, "cancel price", []string{"cancel", "price"}},
		{retrain.TrainingError, 1, false, "train diverges --wait", []string{"train", "diverges", "--wait"}},
		{retrain.PredictionError, 1, false, "predict price … --url http://not-a-worker", []string{"predict", "price", question, "--url", garbage}},
		{retrain.OverloadedError, 1, false, "predict price … --url http://busy-worker", []string{"predict", "price", question, "--url", full}},
		{retrain.UnavailableError, 1, false, "models", []string{"models", "--config", nowhere}},
		{retrain.TensorFlowDependencyError, 1, false, "train elsewhere --wait", []string{"train", "elsewhere", "--wait"}},
		{retrain.MLError, 1, true, "any, and Ctrl-C", []string{"models"}},
		{"UsageError", 2, false, "trian price", []string{"trian", "price"}},
	} {
		ctx := t.Context()
		if test.gone {
			ctx = gone
		}
		args := slices.Concat(test.args, []string{"--json"})
		if !strings.Contains(strings.Join(args, " "), "--config") {
			args = append(args, "--config", s.file)
		}
		r := typed(ctx, "", args...)
		var answer struct{ Error failure }
		decodeOne(t, r.stdout, &answer)
		if r.code != test.exit || answer.Error.Code != test.code || !strings.Contains(r.stderr, string(test.code)+": "+answer.Error.Message) {
			t.Errorf("%s: exit %d, %+v, want %d and %s", test.what, r.code, answer.Error, test.exit, test.code)
		}
		message := strings.NewReplacer(garbage, "http://not-a-worker", full, "http://busy-worker", "|", "\\|").Replace(answer.Error.Message)
		message, _, _ = strings.Cut(message, " at http://127.") // and what the system says to it
		fmt.Fprintf(&table, "| `%s` | `%s` | %d | %s |\n", test.what, answer.Error.Code, r.code, message)
	}
	inPage(t, filepath.Join("..", "..", "docs", "errors.md"), "<!-- provoked by a test: go test ./cmd/producer -run TestEveryError -update -->\n", "<!-- until here -->\n", table.String())
}

// inPage compares what stands between two lines of a page with a text, or writes it with -update.
func inPage(t *testing.T, file, begin, end, want string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks %q", file, begin)
	}
	want = "| what is typed | name | exit | message |\n| --- | --- | --- | --- |\n" + want
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", file, want, got)
	}
}
