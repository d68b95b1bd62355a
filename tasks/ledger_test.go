package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/tasks"
)

// The hour in which all tests play.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 123_000_000, time.UTC)

// book returns a ledger with an empty state of model "price".
func book(t *testing.T, c *tasks.Conn) *tasks.Ledger {
	t.Helper()
	l := &tasks.Ledger{Conn: c, Now: func() time.Time { return noon }}
	must(t, l.Reset(t.Context(), "price", retrain.State{}, nil, nil, nil))
	return l
}

func run7(n int) retrain.RunID { return retrain.RunID{Model: "price", Number: n} }

func count(t *testing.T, l *tasks.Ledger, batch string, rows int) retrain.State {
	t.Helper()
	s, err := l.Count(t.Context(), "price", batch, rows)
	must(t, err)
	return s
}

func settle(t *testing.T, l *tasks.Ledger, n int, o retrain.Outcome) retrain.State {
	t.Helper()
	s, err := l.Settle(t.Context(), run7(n), o)
	must(t, err)
	return s
}

func uncounted(t *testing.T, l *tasks.Ledger, batches ...string) []string {
	t.Helper()
	missing, err := l.Uncounted(t.Context(), "price", batches)
	must(t, err)
	return missing
}

func TestABatchIsCountedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		count(t, l, "a", 5)
		count(t, l, "a", 5)
		if got, want := count(t, l, "b", 2).Inserted, 7; got != want {
			t.Errorf("inserted %d, want %d", got, want)
		}
		must(t, l.Take(t.Context(), run7(1), []string{"a", "b"}))
		if got := count(t, l, "a", 5).Inserted; got != 0 {
			t.Errorf("inserted %d after a taken batch was sent again", got)
		}
		settle(t, l, 1, retrain.Outcome{Learnt: true, At: noon})
		if got := count(t, l, "b", 2).Inserted; got != 0 {
			t.Errorf("inserted %d after a learnt batch was sent again", got)
		}
	})
}

func TestNothingIsCountedWithoutAState(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := &tasks.Ledger{Conn: c}
		ctx := t.Context()
		calls := map[string]func() error{
			"count":     func() error { _, err := l.Count(ctx, "price", "a", 5); return err },
			"count all": func() error { return l.CountAll(ctx, "price", map[string]int{"a": 5}) },
			"state":     func() error { _, err := l.State(ctx, "price"); return err },
			"take":      func() error { return l.Take(ctx, run7(1), []string{"a"}) },
			"settle":    func() error { _, err := l.Settle(ctx, run7(1), retrain.Outcome{At: noon}); return err },
			"requested": func() error { _, err := l.Requested(ctx, run7(1)); return err },
			"hand on":   func() error { _, err := l.HandOn(ctx, run7(1), 0); return err },
			"retain":    func() error { return errors.Join(l.Retain(ctx, "price", nil), retrain.NotFoundError) }, // there is nothing to forget
			"uncounted": func() error { _, err := l.Uncounted(ctx, "price", []string{"a"}); return err },
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, retrain.NotFoundError) {
				t.Errorf("%s: %v, want a NotFoundError", name, err)
			}
		}
		if keys, err := c.Redis.Keys(ctx, "retrain:*").Result(); err != nil || len(keys) > 0 {
			t.Errorf("left behind: %v, %v", keys, err)
		}
	})
}

// What a source of others no longer has is not waited for: no run would ever take it.
func TestRetainForgetsWhatIsGone(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		for batch, rows := range map[string]int{"learnt": 1, "taken": 2, "gone": 4, "none": 0, "there": 8} {
			count(t, l, batch, rows)
			if batch == "learnt" {
				must(t, l.Take(t.Context(), run7(1), []string{batch}))
				settle(t, l, 1, retrain.Outcome{Learnt: true, At: noon})
			}
		}
		must(t, l.Take(t.Context(), run7(2), []string{"taken"}))
		for range 2 { // again, it changes nothing
			must(t, l.Retain(t.Context(), "price", []string{"there", "new"}))
		}
		s, err := l.State(t.Context(), "price")
		must(t, err)
		if s.Inserted != 8 {
			t.Errorf("inserted %d, want 8", s.Inserted)
		}
		if got, want := uncounted(t, l, "learnt", "taken", "gone", "there", "new"), []string{"gone", "new"}; !slices.Equal(got, want) {
			t.Errorf("uncounted %q, want %q", got, want)
		}
		if got := settle(t, l, 2, retrain.Outcome{At: noon}).Inserted; got != 10 {
			t.Errorf("inserted %d after the run gave back what it had, want 10", got)
		}
	})
}

func TestTakeMovesTheCountIntoTheRun(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		count(t, l, "a", 5)
		count(t, l, "late", 3)
		_, err := l.Requested(t.Context(), run7(1))
		must(t, err)
		for range 2 { // again, it changes nothing
			must(t, l.Take(t.Context(), run7(1), []string{"a", "seen before it was counted"}))
		}
		got, err := l.State(t.Context(), "price")
		must(t, err)
		if want := (retrain.State{Inserted: 3, Since: noon, Latest: 1, Running: 1, Handed: noon, Rebuilt: noon, At: noon}); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got := count(t, l, "seen before it was counted", 4).Inserted; got != 3 {
			t.Errorf("inserted %d: the run has those rows", got)
		}
	})
}

func TestAFailedRunGivesItsRowsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		count(t, l, "a", 5)
		must(t, l.Take(t.Context(), run7(1), []string{"a", "early", "unknown"}))
		count(t, l, "early", 2)
		failed := retrain.Outcome{Failed: true, Error: "it diverged", At: noon}
		settle(t, l, 1, failed)
		got := settle(t, l, 1, failed)
		want := retrain.State{Inserted: 7, Failures: 1, NotBefore: noon.Add(10 * time.Second), LastError: "it diverged", Latest: 1, Handed: noon, Rebuilt: noon, At: noon}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got := uncounted(t, l, "a", "early", "unknown"); !slices.Equal(got, []string{"unknown"}) {
			t.Errorf("uncounted %v", got)
		}
	})
}

func TestFailuresWaitLongerEachTimeUntilOneSucceeds(t *testing.T) {
	l := book(t, connect(t))
	for n := 1; n <= 20; n++ {
		must(t, l.Take(t.Context(), run7(n), nil))
		s := settle(t, l, n, retrain.Outcome{Failed: true, At: noon})
		if got, want := s.NotBefore, noon.Add(retrain.Backoff(n)); s.Failures != n || !got.Equal(want) {
			t.Errorf("after %d failures: %d, not before %v, want %v", n, s.Failures, got, want)
		}
	}
	must(t, l.Take(t.Context(), run7(21), nil))
	s := settle(t, l, 21, retrain.Outcome{Learnt: true, At: noon})
	if s.Failures != 0 || !s.NotBefore.IsZero() || s.LastError != "" {
		t.Errorf("after a success: %+v", s)
	}
}

func TestTooFewRowsWaitForMore(t *testing.T) {
	l := book(t, connect(t))
	count(t, l, "a", 5)
	must(t, l.Take(t.Context(), run7(1), []string{"a"}))
	s := settle(t, l, 1, retrain.Outcome{Needs: 3, Error: "too few", At: noon})
	if s.Inserted != 5 || s.Needs != 8 || s.Failures != 0 || s.LastError != "too few" {
		t.Errorf("got %+v", s)
	}
}

func TestOneRunOfAModelAtATime(t *testing.T) {
	l := book(t, connect(t))
	must(t, l.Take(t.Context(), run7(1), []string{"a"}))
	if err := l.Take(t.Context(), run7(2), []string{"b"}); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("a second run: %v, want a ConflictError", err)
	}
	_, err := l.Requested(t.Context(), run7(2))
	must(t, err)
	s := settle(t, l, 1, retrain.Outcome{Learnt: true, At: noon})
	if s.Running != 0 || s.Queued != 2 {
		t.Errorf("after the first: %+v", s)
	}
	must(t, l.Take(t.Context(), run7(2), []string{"b"}))
	must(t, l.Take(t.Context(), run7(1), []string{"c"})) // its worker was presumed dead
	if got := uncounted(t, l, "c"); len(got) != 1 {
		t.Error("an ended run took a batch")
	}
}

func TestAQueuedRunEndsWithoutTouchingTheOneAtWork(t *testing.T) {
	l := book(t, connect(t))
	count(t, l, "a", 5)
	must(t, l.Take(t.Context(), run7(1), []string{"a"}))
	_, err := l.HandOn(t.Context(), run7(1), 0)
	must(t, err)
	_, err = l.Requested(t.Context(), run7(2))
	must(t, err)
	if s := settle(t, l, 2, retrain.Outcome{At: noon}); s.Running != 1 || s.Queued != 0 || s.Attempt != 1 || s.Inserted != 0 {
		t.Errorf("after the queued one was cancelled: %+v", s)
	}
	if s := settle(t, l, 1, retrain.Outcome{At: noon}); s.Running != 0 || s.Inserted != 5 || !s.Since.IsZero() || s.Attempt != 0 {
		t.Errorf("after the other: %+v", s)
	}
}

func TestRequested(t *testing.T) {
	l := book(t, connect(t))
	ctx := t.Context()
	for _, n := range []int{1, 2, 1} {
		s, err := l.Requested(ctx, run7(n))
		must(t, err)
		if s.Queued != 1 || s.Latest != 1 {
			t.Errorf("after %d: %+v", n, s)
		}
	}
	must(t, l.Take(ctx, run7(1), nil))
	s, err := l.Requested(ctx, run7(1))
	must(t, err)
	if s.Queued != 0 || s.Running != 1 {
		t.Errorf("requested again at work: %+v", s)
	}
	settle(t, l, 1, retrain.Outcome{Learnt: true, At: noon})
	if s, err = l.Requested(ctx, run7(1)); err != nil || s.Queued != 0 {
		t.Errorf("requested again after its end: %+v, %v", s, err)
	}
}

func TestHandOnIsDoneByOne(t *testing.T) {
	l := book(t, connect(t))
	_, err := l.Requested(t.Context(), run7(1))
	must(t, err)
	var all sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		all.Go(func() {
			_, err := l.HandOn(t.Context(), run7(1), 0)
			results <- err
		})
	}
	all.Wait()
	close(results)
	done := 0
	for err := range results {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, retrain.ConflictError):
			t.Error(err)
		}
	}
	if s, err := l.State(t.Context(), "price"); done != 1 || err != nil || s.Attempt != 1 {
		t.Errorf("%d handed it on, state %+v, %v", done, s, err)
	}
}

func TestResetRebuilds(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := &tasks.Ledger{Conn: c, Now: func() time.Time { return noon }}
		ctx := t.Context()
		want := retrain.State{Since: noon, Needs: 3, Failures: 2, NotBefore: noon.Add(time.Minute), LastError: "why", Latest: 8, Running: 7,
			Queued: 8, Attempt: 1, Handed: noon, Rebuilt: noon, At: noon}
		must(t, l.Reset(ctx, "price", want, []string{"old", "both"}, map[string]int{"new": 4, "both": 9}, nil))
		must(t, l.Reset(ctx, "price", retrain.State{Latest: 99}, []string{"x"}, nil, nil)) // a second sweeper
		got, err := l.State(ctx, "price")
		must(t, err)
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got := uncounted(t, l, "old", "new", "both", "x"); !slices.Equal(got, []string{"x"}) {
			t.Errorf("uncounted %v", got)
		}
		if s := settle(t, l, 6, retrain.Outcome{Failed: true, At: noon}); s.Failures != 2 {
			t.Error("a run that had ended before the rebuilding ended again")
		}
		if s := settle(t, l, 7, retrain.Outcome{At: noon}); s.Inserted != 4 || s.Queued != 8 {
			t.Errorf("after the run at work failed: %+v", s)
		}
		if keys, err := c.Redis.Keys(ctx, "*rebuild*").Result(); err != nil || len(keys) > 0 {
			t.Errorf("left behind: %v, %v", keys, err)
		}
	})
}

func TestManyBatches(t *testing.T) {
	l := book(t, connect(t))
	ctx := t.Context()
	const n = 100_000
	batches, taken := make([]string, n), make(map[string]int, n)
	for i := range batches {
		batches[i] = fmt.Sprintf("batch-%06d", i)
		taken[batches[i]] = 2
	}
	began := time.Now()
	must(t, l.Take(ctx, run7(1), batches))
	t.Logf("take %v", time.Since(began))
	count(t, l, batches[0], 2)
	began = time.Now()
	if s := settle(t, l, 1, retrain.Outcome{At: noon}); s.Inserted != 2 {
		t.Errorf("inserted %d, want 2", s.Inserted)
	}
	t.Logf("settle, given back, %v", time.Since(began))
	if got := len(uncounted(t, l, batches...)); got != n-1 {
		t.Errorf("%d uncounted, want %d", got, n-1)
	}
	must(t, l.Take(ctx, run7(2), batches))
	began = time.Now()
	settle(t, l, 2, retrain.Outcome{Learnt: true, At: noon})
	t.Logf("settle, learnt, %v", time.Since(began))
	began = time.Now()
	if got := len(uncounted(t, l, batches...)); got != 0 {
		t.Errorf("%d uncounted, want none", got)
	}
	t.Logf("uncounted %v", time.Since(began))
	must(t, l.Conn.Redis.FlushDB(ctx).Err())
	began = time.Now()
	must(t, l.Reset(ctx, "price", retrain.State{Running: 3, Latest: 3}, batches[:n/2], taken, nil))
	t.Logf("reset %v", time.Since(began))
	if s := settle(t, l, 3, retrain.Outcome{At: noon}); s.Inserted != n {
		t.Errorf("inserted %d, want %d", s.Inserted, n)
	}
}

// A breaker lets so many scripts through, and fails all others.
type breaker struct{ left int }

func (b *breaker) DialHook(next redis.DialHook) redis.DialHook { return next }
func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if strings.HasPrefix(cmd.Name(), "eval") {
			if b.left--; b.left < 0 {
				return io.ErrUnexpectedEOF
			}
		}
		return next(ctx, cmd)
	}
}

func TestATakeThatWasCutShort(t *testing.T) {
	for name, after := range map[string]func(t *testing.T, l *tasks.Ledger, batches []string){
		"is taken up again": func(t *testing.T, l *tasks.Ledger, batches []string) {
			must(t, l.Take(t.Context(), run7(1), batches))
			s, err := l.State(t.Context(), "price")
			must(t, err)
			if s.Running != 1 || s.Queued != 0 || s.Inserted != 0 {
				t.Errorf("got %+v", s)
			}
		},
		"is given back": func(t *testing.T, l *tasks.Ledger, batches []string) {
			if s := settle(t, l, 1, retrain.Outcome{At: noon}); s.Running != 0 || s.Queued != 0 || s.Inserted != len(batches) {
				t.Errorf("got %+v", s)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t)
			l := book(t, c)
			batches := make([]string, 5000)
			for i := range batches {
				batches[i] = fmt.Sprint("batch-", i)
				count(t, l, batches[i], 1)
			}
			_, err := l.Requested(t.Context(), run7(1))
			must(t, err)
			must(t, l.Reset(t.Context(), "other", retrain.State{}, nil, nil, nil))
			must(t, l.Take(t.Context(), retrain.RunID{Model: "other", Number: 1}, nil)) // the server knows the script now
			broken := open(t, tasks.Config{Addr: shared.addr, DB: c.Redis.(*redis.Client).Options().DB})
			broken.Redis.AddHook(&breaker{left: 2})
			if err := (&tasks.Ledger{Conn: broken}).Take(t.Context(), run7(1), batches); !errors.Is(err, retrain.UnavailableError) {
				t.Fatalf("got %v, want an UnavailableError", err)
			}
			s, err := l.State(t.Context(), "price")
			must(t, err)
			if s.Running != 0 || s.Queued != 1 || s.Inserted != 1000 {
				t.Errorf("cut short: %+v", s)
			}
			after(t, l, batches)
		})
	}
}

func TestARebuildingForgetsWhatWasLeft(t *testing.T) {
	c := connect(t)
	l := book(t, c)
	count(t, l, "pending", 1)
	must(t, l.Take(t.Context(), run7(1), []string{"taken"}))
	must(t, c.Redis.Del(t.Context(), "retrain:{price}:state").Err())
	must(t, l.Reset(t.Context(), "price", retrain.State{}, nil, nil, nil))
	if got := uncounted(t, l, "pending", "taken"); len(got) != 2 {
		t.Errorf("uncounted %v, want both", got)
	}
}

func TestManyCountTheSameBatches(t *testing.T) {
	c := connect(t)
	l := book(t, c)
	const clients, batches = 16, 200
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for b := range batches { // each in an order of its own, and the runs come in between
				b = (b*(2*i+1) + i) % batches
				_, err := l.Count(t.Context(), "price", fmt.Sprint("batch-", b), b)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for n := 1; n <= 20; n++ {
			err := l.Take(t.Context(), run7(n), []string{fmt.Sprint("batch-", n), fmt.Sprint("batch-", 2*n), fmt.Sprint("batch-", 3*n)})
			_, err2 := l.Settle(t.Context(), run7(n), retrain.Outcome{At: noon})
			if err := errors.Join(err, err2); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	for b := range batches {
		count(t, l, fmt.Sprint("batch-", b), b) // those that a run had, uncounted, when they were counted
	}
	if got, want := count(t, l, "batch-0", 0).Inserted, batches*(batches-1)/2; got != want {
		t.Errorf("inserted %d, want %d", got, want)
	}
}

func TestProgress(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		ctx := t.Context()
		if _, ok, err := l.Progress(ctx, "price"); ok || err != nil {
			t.Errorf("before: %v, %v", ok, err)
		}
		must(t, l.Take(ctx, run7(1), nil))
		must(t, l.SetProgress(ctx, "price", retrain.Progress{Run: "price-1", CurrentEpoch: 3, TrainMetrics: map[string]float64{"loss": 0.5}}))
		if p, ok, err := l.Progress(ctx, "price"); !ok || err != nil || p.CurrentEpoch != 3 || p.TrainMetrics["loss"] != 0.5 {
			t.Errorf("got %+v, %v, %v", p, ok, err)
		}
		if ttl := c.Redis.TTL(ctx, "retrain:{price}:progress").Val(); ttl <= 0 {
			t.Errorf("it is kept for ever: %v", ttl)
		}
		settle(t, l, 1, retrain.Outcome{Learnt: true, At: noon})
		if _, ok, _ := l.Progress(ctx, "price"); ok {
			t.Error("still shown after the run's end")
		}
	})
}

// With appendfsync everysec Redis puts off writing while the disk is slow, up to two seconds, and acknowledges all the same. What
// a kill takes away then is the end of what was done, and it is counted again as a sweep does.
func TestWhatAKilledRedisLostIsCountedAgain(t *testing.T) {
	for _, fsync := range []string{"always", "everysec"} {
		t.Run(fsync, func(t *testing.T) {
			s := own(t, "--appendfsync", fsync)
			l := book(t, open(t, tasks.Config{Addr: s.addr}))
			batches := countThroughKills(t, s, l, 1500)
			lost := uncounted(t, l, batches...)
			t.Logf("%d of %d acknowledged batches were lost", len(lost), len(batches))
			if fsync == "always" && len(lost) > 0 {
				t.Errorf("lost, though always written: %v", lost)
			}
			for _, batch := range lost {
				count(t, l, batch, 1)
			}
			if got := count(t, l, batches[0], 1).Inserted; got < len(batches) || got > len(batches)+1 { // one may not have been acknowledged
				t.Errorf("%d counted of %d", got, len(batches))
			}
		})
	}
}

// countThroughKills counts so many batches of one row while the server is killed, and returns those that were acknowledged.
func countThroughKills(t *testing.T, s *server, l *tasks.Ledger, n int) (acknowledged []string) {
	t.Helper()
	acks := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer close(acks)
		for i := 0; ctx.Err() == nil; {
			batch := fmt.Sprint("batch-", i)
			_, err := l.Count(ctx, "price", batch, 1)
			switch {
			case err == nil:
				i++
				acks <- batch
			case errors.Is(err, retrain.NotFoundError): // even the state was lost: a sweep rebuilds it
				if err := l.Reset(ctx, "price", retrain.State{}, nil, nil, nil); err != nil {
					t.Log(err)
				}
			case !errors.Is(err, retrain.UnavailableError) && !errors.Is(err, context.Canceled):
				t.Error(err)
			}
		}
	}()
	for batch := range acks {
		acknowledged = append(acknowledged, batch)
		if len(acknowledged)%(n/3) == 0 && ctx.Err() == nil {
			s.restart(t)
		}
		if len(acknowledged) == n {
			cancel()
		}
	}
	return acknowledged
}

// A copy of Redis from before the first run has no number of one in it.
func TestAStateWithoutRunsIsForgotten(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := book(t, c)
		must(t, c.Redis.HDel(t.Context(), "retrain:{price}:state", "latest").Err())
		must(t, l.Forget(t.Context(), "price", 1))
		_, err := l.State(t.Context(), "price")
		must(t, err)
		must(t, l.Forget(t.Context(), "price", 0))
		if s, err := l.State(t.Context(), "price"); !errors.Is(err, retrain.NotFoundError) {
			t.Errorf("got %+v, %v, want a NotFoundError", s, err)
		}
	})
}
