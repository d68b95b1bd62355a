package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/embedded"
	"retrain/internal/testenv"
)

// The test binary is also the program, and who promotes, so that the tests can stop and kill it.
func TestMain(m *testing.M) {
	if os.Getenv("RETRAIN_TEST_WORKER") != "" {
		main()
	}
	if client := os.Getenv("RETRAIN_TEST_PROMOTER"); client != "" {
		if err := promotes(client); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const declared = `
resources: {products: {}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, modelConfig: {epochs: 100, learningRate: 0.05}}
  mixed: {type: regression, resource: products, features: [cost, colour, sold, day, double], target: price, map: {double: "cost * 2"}}
`

// A world is Redis, S3, and what a producer does there.
type world struct {
	*testing.T
	redis  *embedded.Redis
	s3     *testenv.Gateway
	app    *app.App
	client string // the file by which workers connect
	batch  int

	published  int // versions that a test has made
	predicting int // the process of the prediction worker
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, redis: testenv.StartRedis(t)}
	var store testenv.Store
	w.s3, store = testenv.StartS3(t)
	c, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis.Addr = w.redis.Addr()
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	w.client = filepath.Join(t.TempDir(), "client.yaml")
	if err := c.WriteClient(w.client); err != nil {
		t.Fatal(err)
	}
	if w.app, err = app.Open(t.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.app.Close() })
	if _, _, err := w.app.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return w
}

// train inserts some records and requests a run of both models.
func (w *world) train() {
	w.Helper()
	w.insert()
	for _, model := range []string{"price", "mixed"} {
		if _, err := w.app.Train(w.Context(), model, true); err != nil {
			w.Fatal(err)
		}
	}
}

// insert inserts some records.
func (w *world) insert() {
	w.Helper()
	w.batch++
	b := retrain.Batch{ID: fmt.Sprint("batch-", w.batch), Resource: "products", At: time.Now()}
	for i := range 50 {
		cost := float64(i)
		b.Records = append(b.Records, retrain.Record{"id": fmt.Sprint(w.batch, "-", i), "cost": cost, "price": 3*cost + 7,
			"colour": []string{"red", "green"}[i%2], "sold": i%3 == 0, "day": "2026-01-02"})
	}
	if _, err := w.app.Inserter.Insert(w.Context(), b); err != nil {
		w.Fatal(err)
	}
}

// worker starts the program. It is told to end when the test ends, and must do so within seconds.
func (w *world) worker(args ...string) *exec.Cmd {
	w.Helper()
	cmd := exec.Command(os.Args[0], append(args, "--config", w.client)...)
	cmd.Env = append(os.Environ(), "RETRAIN_TEST_WORKER=1")
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		began := time.Now()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil && !killed(err) {
			w.Errorf("worker %s: after SIGTERM: %v", args[0], err)
		}
		if took := time.Since(began); took > 8*time.Second {
			w.Errorf("worker %s: it took %v to stop", args[0], took)
		}
		if w.Failed() {
			w.Logf("worker %s:\n%s", args[0], log)
		}
	})
	return cmd
}

// killed reports whether a process ended since the test killed it.
func killed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

// predictor starts a prediction worker and returns its URL.
func (w *world) predictor() string {
	w.Helper()
	addr := fmt.Sprint("127.0.0.1:", embedded.FreePort(0))
	w.predicting = w.worker("predict", "--listen", addr).Process.Pid
	return "http://" + addr
}

func (w *world) eventually(f func() error) {
	w.Helper()
	testenv.Eventually(w.T, 30*time.Second, f)
}

// status returns an error unless a path is answered with the status.
func status(url string, want int) error {
	r, err := http.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	if r.StatusCode != want {
		return fmt.Errorf("got %s %s, want %d", r.Status, b, want)
	}
	return nil
}

// ask returns the version that answers now.
func ask(url string) (version int, err error) {
	r, err := http.Post(url+"/v1/models/price:predict?details=true", "application/json", strings.NewReader(`{"instances":[{"cost":5}]}`))
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	var answer struct {
		Version int
		Error   string
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if r.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", r.Status, answer.Error)
	}
	return answer.Version, nil
}

func answersWith(url string, want int) func() error {
	return func() error {
		if got, err := ask(url); err != nil || got != want {
			return fmt.Errorf("got version %d, %w, want %d", got, err, want)
		}
		return nil
	}
}

// A worker that trains and one that predicts, as processes: what the one publishes, the other answers with, over HTTP and
// through the queue.
func TestWorkers(t *testing.T) {
	w := newWorld(t)
	url := w.predictor()
	w.worker("train")
	w.eventually(func() error { return status(url+"/readyz", http.StatusOK) })
	if err := status(url+"/v1/models/price", http.StatusOK); err != nil {
		t.Error(err)
	}
	if _, err := ask(url); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("untrained: got %v, want 409", err)
	}
	for version := 1; version <= 2; version++ {
		w.train()
		w.eventually(answersWith(url, version))
	}
	predictions, version, err := w.app.Predictor.Predict(t.Context(), "price", retrain.Which{}, []retrain.Record{{"cost": 5.0}, {"cost": 6.0}})
	if err != nil || version != 2 || len(predictions) != 2 {
		t.Errorf("through the queue: got %v of version %d, %v", predictions, version, err)
	}
}

// Redis dies under predictions: nobody who asks over HTTP notices, and what was published meanwhile is found afterwards.
func TestRedisDiesUnderPredictions(t *testing.T) {
	w := newWorld(t)
	url := w.predictor()
	w.worker("train")
	w.train()
	w.eventually(answersWith(url, 1))
	w.redis.Kill()
	for range 200 {
		if err := answersWith(url, 1)(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() error { _, err := w.app.State(t.Context(), "price"); return err })
	w.train()
	w.eventually(answersWith(url, 2))
}

// Started before Redis and S3, a predictor waits for them, and says so.
func TestPredictorComesFirst(t *testing.T) {
	w := newWorld(t)
	train := w.worker("train")
	w.train()
	w.eventually(func() error { _, err := w.app.Registry.Champion(t.Context(), "price"); return err })
	if err := train.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for _, alsoRedis := range []bool{false, true} {
		w.s3.Kill()
		if alsoRedis {
			w.redis.Kill()
		}
		url := w.predictor()
		w.eventually(func() error { return status(url+"/healthz", http.StatusOK) })
		if err := status(url+"/readyz", http.StatusServiceUnavailable); err != nil {
			t.Error(err)
		}
		if _, err := ask(url); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("without S3: got %v, want 503", err)
		}
		w.s3.Restart(t)
		testenv.Eventually(t, 15*time.Second, func() error { return status(url+"/readyz", http.StatusOK) })
		if err := answersWith(url, 1)(); err != nil {
			t.Error(err)
		}
	}
	if err := w.redis.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Whatever is sent to a real model, the answer is JSON and never our fault.
func TestNothingSentIsAFault(t *testing.T) {
	w := newWorld(t)
	url := w.predictor()
	w.worker("train")
	w.train()
	w.eventually(func() error {
		if code, got := send(url, `{"instances":[{"cost":1,"colour":"red","sold":true,"day":"2026-01-03"}]}`); code != http.StatusOK {
			return fmt.Errorf("%d: %s", code, got)
		}
		return nil
	})
	values := []string{`null`, `""`, `"1"`, `"x"`, `true`, `[]`, `[1]`, `{}`, `1e308`, `-1e308`, `1e-320`, `"2026-13-45"`, `"\u0000"`, `"` + strings.Repeat("x", 1000) + `"`}
	for _, field := range []string{"cost", "colour", "sold", "day", "double", "price", ""} {
		for _, v := range values {
			body := fmt.Sprintf(`{"instances":[{"cost":1,"colour":"red","sold":true,"day":"2026-01-03"},{"cost":1,"colour":"red","sold":true,"day":"2026-01-03",%q:%s}]}`, field, v)
			if code, got := send(url, body); code >= http.StatusInternalServerError || !json.Valid([]byte(got)) {
				t.Errorf("%s is %s: got %d %s", field, v, code, got)
			}
		}
	}
	if code, got := send(url, `{"instances":[`+strings.Repeat(`[`, 100_000)); code != http.StatusBadRequest {
		t.Errorf("deep: got %d %s, want 400", code, got)
	}
}

func send(url, body string) (code int, answer string) {
	r, err := http.Post(url+"/v1/models/mixed:predict?details=true", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(b)
}
