package meter_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/meter"
	"retrain/internal/testenv"
	"retrain/s3io"
	"retrain/tasks"
)

// says fails t unless the metrics of the names in these lines, and of others, are these lines.
func says(t *testing.T, c prometheus.Collector, want string, names ...string) {
	t.Helper()
	var kept []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			name, _, _ := strings.Cut(line, " ")
			name, _, _ = strings.Cut(name, "{")
			kept, names = append(kept, line), append(names, name)
		}
	}
	got, err := testutil.CollectAndFormat(c, expfmt.TypeTextPlain, names...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(got)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(kept)
	slices.Sort(lines)
	if got, want := strings.Join(lines, "\n"), strings.TrimSpace(strings.Join(kept, "\n")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// An S3 server that is in trouble at first.
func TestRequestsToS3AreCountedByWhatWasAnswered(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case asked == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method == http.MethodGet:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	io := meter.NewIO()
	cfg := s3io.Config{Bucket: "b", Endpoint: server.URL, PathStyle: true, AccessKeyID: "k", SecretAccessKey: "s", Instrument: []func(*middleware.Stack) error{io.S3}}
	bucket, err := s3io.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "a", []byte("1"), s3io.Always); err != nil {
		t.Error(err)
	}
	if _, _, err := bucket.Get(t.Context(), "a"); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("got %v", err)
	}
	server.Close()
	if err := bucket.Delete(t.Context(), "a"); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("got %v", err)
	}
	says(t, io, `
		retrain_s3_requests_total{code="404",operation="GetObject"} 1
		retrain_s3_requests_total{code="200",operation="PutObject"} 1
		retrain_s3_requests_total{code="503",operation="PutObject"} 1
		retrain_s3_requests_total{code="none",operation="DeleteObject"} 5`)
}

func TestRedisCommandsThatGoWrongAreCounted(t *testing.T) {
	r := testenv.StartRedis(t)
	io := meter.NewIO()
	conn, err := tasks.Open(tasks.Config{Addr: r.Addr(), Instrument: []func(redis.UniversalClient) error{io.Redis}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := t.Context()
	conn.Redis.Set(ctx, "text", "x", 0)
	conn.Redis.Get(ctx, "nothing")
	conn.Redis.Incr(ctx, "text") // is no number
	r.Stop()
	conn.Redis.Get(ctx, "text")
	got, err := testutil.CollectAndFormat(io, expfmt.TypeTextPlain, "retrain_redis_errors_total")
	if err != nil || !strings.Contains(string(got), `{kind="reply"} 1`) || !strings.Contains(string(got), `{kind="timeout"} 0`) {
		t.Errorf("got %s, %v", got, err)
	}
	if strings.Contains(string(got), `{kind="refused"} 0`) {
		t.Errorf("nobody was refused: %s", got)
	}
}

// blank is a ledger that forgets.
type blank struct{ retrain.RunLedger }

func (blank) SetProgress(context.Context, string, retrain.Progress) error { return nil }

func TestTheProgressOfARunIsThereWhileItWorks(t *testing.T) {
	m := meter.NewTraining()
	id := retrain.RunID{Model: "price", Number: 3}
	ledger := m.Ledger(blank{})
	do := m.During(func(ctx context.Context, _ retrain.RunID) error {
		for _, p := range []retrain.Progress{
			{State: retrain.Running, CurrentEpoch: 2, ProgressPercentage: 25, TrainMetrics: map[string]float64{"loss": 0.5}},
			{State: retrain.Queued, CurrentEpoch: 9}, // another waits for room
		} {
			if err := ledger.SetProgress(ctx, "price", p); err != nil {
				return err
			}
		}
		says(t, m, `
			retrain_training_epoch{model="price"} 2
			retrain_training_loss{model="price",set="train"} 0.5
			retrain_training_progress_ratio{model="price"} 0.25`)
		m.Ended(&retrain.Run{ID: id, Result: &retrain.Result{State: retrain.Rejected}})
		return nil
	})
	if err := do(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	says(t, m, `
		retrain_promotions_total{model="price",verdict="rejected"} 1
		retrain_training_runs_total{model="price",outcome="rejected",type=""} 1`, "retrain_training_epoch", "retrain_training_loss", "retrain_training_progress_ratio")
}

func TestWhatASweepFindsIsTold(t *testing.T) {
	m := meter.NewSweeps()
	m.State(&retrain.Model{Name: "price", Paused: &retrain.Pause{}}, retrain.State{Inserted: 12, Running: 3, Failures: 2, Since: time.UnixMilli(1500)})
	m.Uncounted("price", 4)
	m.HandedOn(retrain.RunID{Model: "price", Number: 3})
	m.Uncounted("gone", 1)
	bad := m.Job("compact", func(context.Context) error { return errors.New("no") })
	if bad(t.Context()) == nil {
		t.Error("the error is gone")
	}
	says(t, m, `
		retrain_ledger_lag_batches{model="price"} 4
		retrain_ledger_late_batches_total{model="gone"} 1
		retrain_ledger_late_batches_total{model="price"} 4
		retrain_model_paused{model="price"} 1
		retrain_sweep_errors_total{task="compact"} 1
		retrain_training_failures{model="price"} 2
		retrain_training_open_runs{model="price",state="queued"} 0
		retrain_training_open_runs{model="price",state="running"} 1
		retrain_training_orphans_total{model="price"} 1
		retrain_training_taken_timestamp_seconds{model="price"} 1.5
		retrain_untrained_records{model="price"} 12`)
}

// told is a stream of these events.
type told []retrain.Event

func (e told) Events(context.Context) iter.Seq2[retrain.Event, error] {
	return func(yield func(retrain.Event, error) bool) {
		for i := range e {
			if !yield(e[i], nil) {
				return
			}
		}
		yield(retrain.Event{}, errors.New("broken off"))
	}
}

func TestGapsOfTheStreamAreCounted(t *testing.T) {
	m := meter.NewStream()
	heard := 0
	for range m.Follower(told{{}, {Type: retrain.RunEnded, At: time.Now().Add(time.Hour)}, {}}).Events(t.Context()) {
		heard++
	}
	if heard != 4 {
		t.Errorf("heard %d", heard)
	}
	says(t, m, `
		retrain_stream_errors_total 1
		retrain_stream_gaps_total 1`)
}
