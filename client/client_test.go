package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/api"
	"retrain/client"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/testenv"
)

const declared = `
resources: {products: {partitions: {byCategory: [category]}}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, filter: "cost > 0", autoTrain: true, trainAfterInserts: 3}
`

// open returns a client of a producer on real servers.
func open(tb testing.TB) *client.Client {
	tb.Helper()
	store := testenv.S3(tb)
	c := &app.Config{Redis: app.Redis{Addr: testenv.Redis(tb)}, S3: app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}}
	a, err := app.Open(tb.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	control := &httpapi.Control{App: a, Metrics: httpapi.NewMetrics("test")}
	server := httptest.NewServer(control.Handler(ctx))
	tb.Cleanup(func() {
		cancel()
		server.CloseClientConnections()
		server.Close()
		if err := errors.Join(control.Close(), a.Close()); err != nil {
			tb.Error(err)
		}
	})
	return &client.Client{URL: server.URL}
}

func must[T any](v T, err error) func(tb testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func TestWhatTheCommandDoes(t *testing.T) {
	c, ctx := open(t), t.Context()
	if got := must(c.Apply(ctx, []byte(declared)))(t); len(got.Applied) != 2 {
		t.Errorf("applied: got %+v", got)
	}
	if got := must(c.Apply(ctx, []byte(declared)))(t); len(got.Unchanged) != 2 {
		t.Errorf("applied again: got %+v", got)
	}
	if got := must(c.Insert(ctx, "products", "one", retrain.Record{"id": "a", "cost": 1.0, "category": "x"}, retrain.Record{"id": "b", "cost": 2.0, "category": "y"}))(t); got.Inserted != 2 {
		t.Errorf("inserted: got %+v", got)
	}
	if got := must(c.Insert(ctx, "products", "one", retrain.Record{"id": "a", "cost": 1.0}, retrain.Record{"id": "b", "cost": 2.0}))(t); got.Duplicates != 2 {
		t.Errorf("the same batch: got %+v", got)
	}
	if got := must(c.Update(ctx, "products", "", retrain.Record{"id": "a", "cost": 5.0}))(t); got.Updated != 1 {
		t.Errorf("updated: got %+v", got)
	}
	if got := must(c.Delete(ctx, "products", "", "b"))(t); got.Updated != 1 {
		t.Errorf("deleted: got %+v", got)
	}
	x := &retrain.PartitionRef{Name: "byCategory", Values: map[string]any{"category": "x"}}
	if got := must(c.Count(ctx, "products", x))(t); got != 1 {
		t.Errorf("count: got %d", got)
	}
	var costs []any
	for r, err := range c.Records(ctx, "products", nil, 0) {
		costs = append(costs, must(r, err)(t)["cost"])
	}
	if !slices.Equal(costs, []any{5.0}) {
		t.Errorf("records: got %v", costs)
	}
	if got := must(c.Pause(ctx, "price"))(t); got.State != retrain.ModelPaused && got.PausedAt == nil {
		t.Errorf("paused: got %+v", got)
	}
	must(c.Resume(ctx, "price"))(t)
	run := must(c.Train(ctx, "price", true))(t)
	if got := must(c.Run(ctx, run.Run))(t); got.Ended() {
		t.Errorf("run: got %+v", got)
	}
	if got := must(c.Cancel(ctx, run.Run))(t); len(got) != 1 || got[0].State != retrain.Cancelled {
		t.Errorf("cancelled: got %+v", got)
	}
	if got := must(c.Wait(ctx, run.Run))(t); got.State != retrain.Cancelled {
		t.Errorf("waited: got %+v", got)
	}
	if got := must(c.Runs(ctx, "price", 5))(t); len(got) != 1 {
		t.Errorf("runs: got %+v", got)
	}
	if got := must(c.AllStats(ctx))(t); len(got) != 1 || got[0].Trained {
		t.Errorf("stats: got %+v", got)
	}
	if got := must(c.Doctor(ctx))(t); len(got.Checks) == 0 {
		t.Errorf("doctor: got %+v", got)
	}
	key := must(c.CreateKey(ctx, &api.NewKey{Name: "mine"}))(t)
	if all := must(c.Keys(ctx))(t); len(all) != 1 || all[0].ID != key.ID {
		t.Errorf("keys: got %+v", all)
	}
	if err := c.RevokeKey(ctx, key.ID); err != nil {
		t.Error(err)
	}
	if got := must(c.Dispose(ctx, "price"))(t); got.Model != "price" {
		t.Errorf("disposed: got %+v", got)
	}
}

// A model that was exported elsewhere comes in, and what is asked of a model without a version says so.
func TestErrorsHaveTheirClass(t *testing.T) {
	c, ctx := open(t), t.Context()
	must(c.Apply(ctx, []byte(declared)))(t)
	var refused *client.Refusal
	_, err := c.Insert(ctx, "products", "", retrain.Record{"id": "a", "cost": 1.0}, retrain.Record{"id": "b", "cost": "dear"})
	if !errors.As(err, &refused) || !errors.Is(err, retrain.DataValidationError) || len(refused.Records) != 1 || refused.Records[0].Index != 1 {
		t.Errorf("a wrong record: got %v", err)
	}
	if n := must(c.Count(ctx, "products", nil))(t); n != 0 {
		t.Errorf("all or nothing: %d records are stored", n)
	}
	if _, err := c.Status(ctx, "prize"); !errors.Is(err, retrain.ModelNotFoundError) {
		t.Errorf("no such model: got %v", err)
	}
	if _, _, err := c.Predict(ctx, "price", retrain.Which{}, retrain.Record{"cost": 1}); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("untrained: got %v", err)
	}
	if err := c.Export(ctx, "price", 0, new(bytes.Buffer)); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("export of an untrained model: got %v", err)
	}
	if _, err := c.Import(ctx, "price", []byte(`{}`), false); !errors.Is(err, retrain.DataValidationError) && !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("import of nothing: got %v", err)
	}
	c.URL, c.Tries = "http://127.0.0.1:1", 1
	if _, err := c.Models(ctx); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("nobody there: got %v", err)
	}
}

// Whoever follows hears of what happens, and after a cut of what he has missed.
func TestEventsGoOnWhereTheyWere(t *testing.T) {
	c := open(t)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	must(c.Apply(ctx, []byte(declared)))(t)
	seen, from := make(chan client.Event, 100), make(chan string, 1)
	go func() {
		after := <-from
		for e, err := range c.Events(ctx, after) {
			if err == nil && e.Type != "" {
				seen <- e
			}
		}
	}()
	first := func() client.Event { // whoever follows from now on has to be there before it happens
		for e, err := range c.Events(ctx, "0-1") {
			if err == nil && e.Type != "" {
				return e
			}
		}
		return client.Event{}
	}()
	if first.Type != retrain.SpecsApplied || first.ID == "" {
		t.Fatalf("got %+v, want that something was applied", first)
	}
	from <- first.ID
	must(c.Pause(ctx, "price"))(t)
	select {
	case e := <-seen:
		if e.Type != retrain.SpecsApplied || e.ID == first.ID {
			t.Errorf("got %+v", e)
		}
	case <-ctx.Done():
		t.Error("nothing was heard")
	}
}

// What the server cannot take now is sent again; what it refuses is not.
func TestItIsSentAgainWhileThatIsOfUse(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, `{"models":[]}`)
	}))
	defer server.Close()
	c := &client.Client{URL: server.URL}
	if _, err := c.Models(t.Context()); err != nil || calls.Load() != 2 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
	calls.Store(0)
	if _, err := c.Train(t.Context(), "price", true); err == nil || calls.Load() != 1 {
		t.Errorf("a training: got %v after %d calls", err, calls.Load())
	}
}

func ExampleClient() {
	c, end := producer() // &client.Client{URL: "http://127.0.0.1:8080", Key: os.Getenv("RETRAIN_API_KEY")}
	defer end()
	ctx := context.Background()
	if _, err := c.Apply(ctx, []byte(declared)); err != nil {
		fmt.Println(err)
		return
	}
	in, err := c.Insert(ctx, "products", "2026-03-01", retrain.Record{"id": "a", "cost": 1, "price": 2}, retrain.Record{"id": "b", "cost": 2, "price": 4})
	fmt.Println(in.Inserted, err)
	status, err := c.Status(ctx, "price")
	fmt.Println(status.State, status.InsertsSinceTraining, "of", status.TrainAfterInserts, err)
	// Output:
	// 2 <nil>
	// untrained 2 of 3 <nil>
}

func ExampleClient_Insert_refused() {
	c, end := producer()
	defer end()
	ctx := context.Background()
	if _, err := c.Apply(ctx, []byte(declared)); err != nil {
		fmt.Println(err)
		return
	}
	_, err := c.Insert(ctx, "products", "", retrain.Record{"id": "a", "cost": 1}, retrain.Record{"id": "b", "cost": "dear"})
	var refused *client.Refusal
	if errors.As(err, &refused) {
		for _, r := range refused.Records {
			fmt.Println("record", r.Index, "with id", r.ID)
		}
	}
	n, err := c.Count(ctx, "products", nil)
	fmt.Println(n, "stored", err)
	// Output:
	// record 1 with id b
	// 0 stored <nil>
}

func ExampleClient_Train() {
	c, end := producer()
	defer end()
	ctx := context.Background()
	if _, err := c.Apply(ctx, []byte(declared)); err != nil {
		fmt.Println(err)
		return
	}
	run, err := c.Train(ctx, "price", true) // then c.Wait(ctx, run.Run), c.Predict(ctx, "price", …)
	fmt.Println(run.Run, run.State, err)
	_, err = c.Status(ctx, "prize")
	fmt.Println(errors.Is(err, retrain.ModelNotFoundError))
	// Output:
	// price-1 queued <nil>
	// true
}

// producer returns a client of a server that end stops.
func producer() (c *client.Client, end func()) {
	tb := &example{}
	tb.ctx, tb.cancel = context.WithCancel(context.Background())
	return open(tb), tb.end
}

// An example is as much of a test as starting servers needs.
type example struct {
	testing.TB

	ctx      context.Context //nolint:containedctx // as testing.T has it
	cancel   context.CancelFunc
	cleanups []func()
}

func (*example) Helper()                           {}
func (*example) Name() string                      { return "Example" }
func (e *example) Context() context.Context        { return e.ctx }
func (e *example) Cleanup(f func())                { e.cleanups = append(e.cleanups, f) }
func (*example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*example) Error(args ...any)                 { fmt.Println(args...) }
func (*example) Logf(string, ...any)               {}
func (*example) TempDir() string {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		panic(err)
	}
	return dir
}

func (e *example) end() {
	e.cancel()
	for _, f := range slices.Backward(e.cleanups) {
		f()
	}
}
