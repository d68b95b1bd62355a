package retrain_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"retrain"
	"retrain/s3io"
	"retrain/tasks"
)

// The model of the story is trained after every 20 rows; the story inserts 5 batches of 10.
const (
	every   = 20
	batches = 5
	rows    = 10
)

// A world is everything that a training needs, in memory, and a queue that a test works off by hand.
type world struct {
	t       *testing.T
	redis   *miniredis.Miniredis
	bucket  *s3io.Faulty
	ledger  *tasks.Ledger
	leases  *tasks.Leases
	catalog *retrain.Catalog
	now     time.Time
	queue   []retrain.RunID
	events  []retrain.Event

	compacts bool // the log is compacted after every insert
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, redis: miniredis.RunT(t), bucket: &s3io.Faulty{Bucket: new(s3io.Memory)}, now: noon}
	conn, err := tasks.Open(tasks.Config{Addr: w.redis.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w.ledger = &tasks.Ledger{Conn: conn, Now: w.clock}
	w.leases = &tasks.Leases{Conn: conn}
	specs := &s3io.Specs{Bucket: w.bucket}
	w.catalog = &retrain.Catalog{Store: specs, Now: w.clock}
	_, _, err = specs.Apply(t.Context(), retrain.Specs{
		Resources: []retrain.Resource{{Name: "products"}},
		Models: []*retrain.Model{{Name: "price", Type: retrain.Regression, Resource: "products", Features: []string{"cost"},
			Target: retrain.Names{"price"}, AutoTrain: true, TrainAfterInserts: every}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time { return w.now }

var discard = slog.New(slog.DiscardHandler)

// Enqueue, Waiting and Held make the world a queue that is watched.
func (w *world) Enqueue(_ context.Context, id retrain.RunID, _ int, _ string, _ retrain.Reason) error {
	w.queue = append(w.queue, id)
	return nil
}

func (w *world) Waiting(context.Context, retrain.RunID, int) (bool, error) {
	return len(w.queue) > 0, nil
}

func (w *world) Held(ctx context.Context, id retrain.RunID) (bool, error) {
	return w.leases.Held(ctx, id)
}

func (w *world) Announce(_ context.Context, e retrain.Event) error {
	w.events = append(w.events, e)
	return nil
}

// Fit learns how many rows there are.
func (w *world) Fit(_ context.Context, job retrain.Job) (retrain.Fit, error) {
	f := retrain.Fit{Epochs: 1, Metrics: map[string]float64{"loss": 0}}
	for table, err := range job.Data {
		if err != nil {
			return f, err
		}
		f.Samples += table.Rows
	}
	return f, os.WriteFile(filepath.Join(job.Dir, "saved_model.pb"), fmt.Appendln(nil, f.Samples), 0o600)
}

func acceptAll(_ *retrain.Model, records []retrain.Record) (int, error) { return len(records), nil }

func (w *world) requester() *retrain.Requester {
	return &retrain.Requester{Runs: &s3io.Runs{Bucket: w.bucket}, Queue: w, Ledger: w.ledger, Now: w.clock, Log: discard}
}

func (w *world) request(ctx context.Context, m *retrain.Model, s retrain.State, why retrain.Reason) error {
	_, err := w.requester().Request(ctx, m, s, why, true)
	if errors.Is(err, retrain.ConflictError) {
		_, err = w.sweeper().CatchUp(ctx, m, s.Latest)
	}
	return err
}

func (w *world) insert(n int) error {
	b := retrain.Batch{ID: fmt.Sprint("batch-", n), Resource: "products", At: w.now}
	for i := range rows {
		b.Records = append(b.Records, retrain.Record{"id": fmt.Sprint(n, ".", i), "cost": float64(i), "price": float64(2 * i)})
	}
	in := &retrain.Inserter{Catalog: w.catalog, Records: w.records(), Counter: w.ledger, Accepts: acceptAll,
		Request: w.request, Now: w.clock, Log: discard}
	_, err := in.Insert(w.t.Context(), b)
	return err
}

// records are those of a process that has just begun.
func (w *world) records() *s3io.Records {
	return &s3io.Records{Bucket: w.bucket, Tuning: s3io.Tuning{Objects: 1}}
}

func (w *world) compact() error {
	if !w.compacts {
		return nil
	}
	_, err := w.records().Compact(w.t.Context(), retrain.Resource{Name: "products", Partitions: map[string][]string{"byCost": {"cost"}}})
	return err
}

func (w *world) sweeper() *retrain.Sweeper {
	return &retrain.Sweeper{Catalog: w.catalog, Source: w.records(), Ledger: w.ledger, History: &s3io.Runs{Bucket: w.bucket},
		Watch: w, Queue: w, Accepts: acceptAll, Request: w.request, Now: w.clock, Log: discard}
}

// work takes the next task, as often as asynq would give it.
func (w *world) work() error {
	if len(w.queue) == 0 {
		return nil
	}
	registry := &s3io.Registry{Bucket: w.bucket}
	training := &retrain.Training{Catalog: w.catalog, Runs: &s3io.Runs{Bucket: w.bucket}, Source: w.records(),
		Leases: w.leases, Ledger: w.ledger, Fitter: w, Registry: registry, Fetch: registry.Fetch, Queue: w, Events: w, Fold: w.sweeper().Fold, Now: w.clock, Log: discard}
	id := w.queue[0]
	if err := training.Do(w.t.Context(), id); err != nil {
		return err
	}
	w.queue = w.queue[1:]
	return nil
}

// tell plays the whole story. An act that fails is played again, as a person or the queue would.
func (w *world) tell() {
	w.t.Helper()
	w.again(func() error { return w.sweeper().Sweep(w.t.Context()) })
	for n := range batches {
		w.again(func() error { return w.insert(n) })
		w.again(w.compact)
		if n%2 == 1 {
			w.again(w.work)
		}
	}
	w.settle()
}

func (w *world) again(act func() error) {
	w.t.Helper()
	var err error
	for range 4 {
		if err = act(); err == nil {
			return
		}
	}
	w.t.Fatalf("fails for ever: %v", err)
}

// settle lets the scheduler and the worker go on until nothing is left to do.
func (w *world) settle() {
	w.t.Helper()
	for range 6 {
		w.now = w.now.Add(5 * time.Second)
		w.again(func() error { return w.sweeper().Sweep(w.t.Context()) })
		w.again(func() error { return w.sweeper().Reconcile(w.t.Context()) })
		w.again(w.work)
	}
}

// check asserts what must hold whatever happened: every row is either learnt by the champion or counted, too few are left to
// train, and the champion is the last version.
func (w *world) check() {
	w.t.Helper()
	ctx := w.t.Context()
	s, err := w.ledger.State(ctx, "price")
	if err != nil {
		w.t.Fatal(err)
	}
	registry := &s3io.Registry{Bucket: w.bucket}
	champion, err := registry.Champion(ctx, "price")
	if err != nil {
		w.t.Fatal(err)
	}
	manifest, err := registry.Manifest(ctx, "price", champion.Version)
	if err != nil {
		w.t.Fatal(err)
	}
	if learnt := manifest.Fit.Samples; learnt+s.Inserted != batches*rows || s.Inserted >= every {
		w.t.Errorf("%d rows learnt, %d counted: want %d in all, fewer than %d counted", learnt, s.Inserted, batches*rows, every)
	}
	if s.Running != 0 || s.Queued != 0 || len(w.queue) != 0 || champion.Version != s.Latest || champion.Highest != champion.Version {
		w.t.Errorf("not at rest: %+v, champion %+v, queue %v", s, champion, w.queue)
	}
	if _, err := registry.Fetch(ctx, "price", champion.Version, w.t.TempDir()); err != nil {
		w.t.Errorf("the champion cannot be fetched: %v", err)
	}
}

func TestTheStory(t *testing.T) {
	w := newWorld(t)
	w.compacts = true
	w.tell()
	w.check()
	if len(w.events) != 2 || w.events[1].Version != 2 {
		t.Errorf("events: %+v, want versions 1 and 2", w.events)
	}
}

// Every call to S3 fails once, before it happened or after: whoever made it may as well have died there.
func TestTheStorySurvivesAFaultAtEveryCallToS3(t *testing.T) {
	broken := retrain.Errorf(retrain.UnavailableError, "the connection broke")
	for i := range 4 {
		after, compacts := i&1 == 1, i&2 == 2
		for at, done := 0, false; !done; at++ {
			t.Run(fmt.Sprintf("compacts=%v/after=%v/call=%d", compacts, after, at), func(t *testing.T) {
				w := newWorld(t)
				w.compacts = compacts
				var calls atomic.Int64 // the log is read by several goroutines
				fault := func(s3io.Op, string) error {
					if calls.Add(1) == int64(at+1) {
						return broken
					}
					return nil
				}
				if after {
					w.bucket.After = fault
				} else {
					w.bucket.Before = fault
				}
				w.tell()
				w.bucket.Before, w.bucket.After = nil, nil
				w.check()
				done = calls.Load() <= int64(at)
			})
		}
	}
}

// Redis loses everything between any two acts: S3 tells it again.
func TestTheStorySurvivesTheLossOfRedis(t *testing.T) {
	acts := []string{"insert 0", "insert 1", "work", "insert 2", "insert 3", "work", "insert 4"}
	for i := range 2 * len(acts) {
		lost, compacts := i/2, i%2 == 1
		t.Run(fmt.Sprintf("before %s/compacts=%v", acts[lost], compacts), func(t *testing.T) {
			w := newWorld(t)
			w.compacts = compacts
			for i, act := range acts {
				if i == lost {
					w.redis.FlushAll()
					w.queue = nil
				}
				var n int
				if _, err := fmt.Sscanf(act, "insert %d", &n); err == nil {
					w.again(func() error { return w.insert(n) })
					w.again(w.compact)
				} else {
					w.again(w.work)
				}
			}
			w.settle()
			w.check()
		})
	}
}

// Redis comes back as it was at the very beginning, between any two acts: it knows of no run, and S3 tells it again.
func TestTheStorySurvivesAnOldRedis(t *testing.T) {
	acts := []string{"insert 0", "insert 1", "work", "insert 2", "insert 3", "work", "insert 4"}
	for restored := range acts {
		t.Run("before "+acts[restored], func(t *testing.T) {
			w := newWorld(t)
			w.again(func() error { return w.sweeper().Sweep(t.Context()) })
			for i, act := range acts {
				if i == restored {
					w.redis.FlushAll()
					w.queue = nil
					w.again(func() error { return w.ledger.Reset(t.Context(), "price", retrain.State{}, nil, nil, nil) })
				}
				var n int
				if _, err := fmt.Sscanf(act, "insert %d", &n); err == nil {
					w.again(func() error { return w.insert(n) })
				} else {
					w.again(w.work)
				}
			}
			w.settle()
			w.check()
		})
	}
}

// A run that ended long ago, whose task comes once more, does not set off the one that waits behind the one at work.
func TestAnOldTaskSetsNothingOff(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.again(func() error { return w.sweeper().Sweep(ctx) })
	for n := range 2 {
		w.again(func() error { return w.insert(n) })
	}
	old := w.queue[0]
	w.again(w.work)
	for _, n := range []int{2, 3} {
		id := retrain.RunID{Model: "price", Number: n}
		w.again(func() error {
			return (&s3io.Runs{Bucket: w.bucket}).CreateRun(ctx, retrain.Run{ID: id, Reason: retrain.ByHand})
		})
		w.again(func() error { _, err := w.ledger.Requested(ctx, id); return err })
		if n == 2 {
			w.again(func() error { return w.ledger.Take(ctx, id, nil) })
		}
	}
	w.queue = []retrain.RunID{old}
	w.again(w.work)
	if len(w.queue) != 0 {
		t.Errorf("%v was enqueued while run 2 is at work", w.queue)
	}
}

// Whoever requests by a state that is older than the runs is told so: nothing may be due any more.
func TestARequestByAnOldStateIsRefused(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.again(func() error { return w.sweeper().Sweep(ctx) })
	old, err := w.ledger.State(ctx, "price")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		w.again(func() error { return w.insert(n) })
	}
	w.again(w.work)
	m, err := w.catalog.Model(ctx, "price")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.requester().Request(ctx, m, old, retrain.ByInserts, true); !errors.Is(err, retrain.ConflictError) || len(w.queue) != 0 {
		t.Errorf("got %v, queue %v, want a ConflictError", err, w.queue)
	}
}

// The same batch sent twice is stored and counted once.
func TestABatchCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	for range 3 {
		w.again(func() error { return w.insert(0) })
	}
	s, err := w.ledger.State(t.Context(), "price")
	if err != nil || s.Inserted != rows {
		t.Errorf("%+v, %v, want %d rows", s, err, rows)
	}
}

// A failed run gives its rows back and waits; the next one learns them.
func TestAFailureGivesItsRowsBack(t *testing.T) {
	w := newWorld(t)
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	training := w.failing(retrain.Errorf(retrain.TrainingError, "the loss is no number"))
	for n := range 2 {
		w.again(func() error { return w.insert(n) })
	}
	w.again(func() error { return training.Do(t.Context(), w.queue[0]) })
	w.queue = nil
	s, err := w.ledger.State(t.Context(), "price")
	if err != nil || s.Inserted != 2*rows || s.Failures != 1 || s.LastError == "" || !s.NotBefore.After(w.now) {
		t.Errorf("%+v, %v: want the rows back, one failure and a back-off", s, err)
	}
	w.settle()
	if s, err = w.ledger.State(t.Context(), "price"); err != nil || s.Inserted != 0 || s.Failures != 0 {
		t.Errorf("%+v, %v: want all learnt", s, err)
	}
}

// The run that waited behind a failing one waits on until the back-off is over, unless a person asked for it.
func TestTheFollowUpOfAFailureWaits(t *testing.T) {
	for _, test := range []struct {
		why  retrain.Reason
		want int // runs in the queue right after the failure
	}{{retrain.ByInserts, 0}, {retrain.ByHand, 1}} {
		t.Run(string(test.why), func(t *testing.T) {
			w := newWorld(t)
			w.again(func() error { return w.sweeper().Sweep(t.Context()) })
			for n := range 2 {
				w.again(func() error { return w.insert(n) })
			}
			training := w.failing(retrain.Errorf(retrain.TrainingError, "the loss is no number"))
			training.Fitter = meanwhile{training.Fitter, func() { w.followUp(test.why) }}
			w.again(func() error { return training.Do(t.Context(), w.queue[0]) })
			w.queue = w.queue[1:]
			w.wantQueued(test.want, "after the failure")
			if test.want > 0 {
				return
			}
			w.now = w.now.Add(5 * time.Second)
			w.again(func() error { return w.sweeper().Sweep(t.Context()) })
			w.wantQueued(0, "while it backs off")
			w.now = w.now.Add(6 * time.Second)
			w.again(func() error { return w.sweeper().Sweep(t.Context()) })
			w.wantQueued(1, "when that is over")
		})
	}
}

func (w *world) wantQueued(want int, when string) {
	w.t.Helper()
	if len(w.queue) != want {
		w.t.Errorf("%s: %d runs are queued, want %d", when, len(w.queue), want)
	}
}

// followUp requests another run while one is at work.
func (w *world) followUp(why retrain.Reason) {
	m, err := w.catalog.Model(w.t.Context(), "price")
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := w.ledger.State(w.t.Context(), "price")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.request(w.t.Context(), m, s, why); err != nil {
		w.t.Fatal(err)
	}
}

// meanwhile does something before it fits.
type meanwhile struct {
	retrain.Fitter

	do func()
}

func (m meanwhile) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	m.do()
	return m.Fitter.Fit(ctx, job)
}

type failing struct{ err error }

func (f failing) Fit(context.Context, retrain.Job) (retrain.Fit, error) { return retrain.Fit{}, f.err }

func (w *world) failing(err error) *retrain.Training {
	registry := &s3io.Registry{Bucket: w.bucket}
	return &retrain.Training{Catalog: w.catalog, Runs: &s3io.Runs{Bucket: w.bucket}, Source: w.records(),
		Leases: w.leases, Ledger: w.ledger, Fitter: failing{err}, Registry: registry, Fetch: registry.Fetch, Queue: w, Events: w, Fold: w.sweeper().Fold, Now: w.clock, Log: discard}
}

// What S3 or Redis could not do at the moment is no verdict: the run stays open.
func TestAnUnavailableServerIsNoVerdict(t *testing.T) {
	w := newWorld(t)
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	for n := range 2 {
		w.again(func() error { return w.insert(n) })
	}
	err := w.failing(retrain.Errorf(retrain.UnavailableError, "no answer")).Do(t.Context(), w.queue[0])
	if !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("%v, want an UnavailableError", err)
	}
	run, err := (&s3io.Runs{Bucket: w.bucket}).Run(t.Context(), w.queue[0])
	if err != nil || run.State() != retrain.Running {
		t.Errorf("%s, %v, want running", run.State(), err)
	}
}
