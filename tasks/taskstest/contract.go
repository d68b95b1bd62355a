package taskstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"retrain"
)

// A Book is what a ledger can do.
type Book interface {
	retrain.Counter
	retrain.Requested
	retrain.RunLedger
	retrain.SweepLedger
}

// The hour in which the ledgers' tests play.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 123_000_000, time.UTC)

// Noon is the clock of the ledgers that are tested.
func Noon() time.Time { return noon }

func run(n int) retrain.RunID { return retrain.RunID{Model: "price", Number: n} }

// A play is a test on one ledger that has a state of model "price".
type play struct {
	*testing.T
	Book
}

func (p play) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p play) count(batch string, rows int) retrain.State {
	p.Helper()
	s, err := p.Count(p.Context(), "price", batch, rows)
	p.must(err)
	return s
}

func (p play) settle(n int, o retrain.Outcome) retrain.State {
	p.Helper()
	o.At = noon
	s, err := p.Settle(p.Context(), run(n), o)
	p.must(err)
	return s
}

func (p play) take(n int, batches ...string) {
	p.Helper()
	p.must(p.Take(p.Context(), run(n), batches))
}

func (p play) is(s retrain.State, want retrain.State) {
	p.Helper()
	s.Handed, s.Rebuilt, s.At = time.Time{}, time.Time{}, time.Time{}
	if s != want {
		p.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestLedger tests what every ledger promises. open returns an empty one that keeps to Noon.
func TestLedger(t *testing.T, open func(t *testing.T) Book) {
	for name, act := range map[string]func(p play){
		"a batch counts once":                         countsOnce,
		"many batches count once each":                countsMany,
		"a failed run gives its rows back":            givesBack,
		"one run at a time":                           oneRun,
		"a run is handed on once":                     handedOnOnce,
		"a rebuilt state does not replace one":        rebuilt,
		"what is gone is forgotten":                   forgotten,
		"a request that comes late changes nothing":   lateRequest,
		"a state that is older than a run is dropped": olderThanARun,
		"batches that are put together count as one":  folds,
	} {
		t.Run(name, func(t *testing.T) {
			p := play{t, open(t)}
			if _, err := p.State(t.Context(), "price"); !errors.Is(err, retrain.NotFoundError) {
				t.Fatalf("without a state: %v, want a NotFoundError", err)
			}
			p.must(p.Reset(t.Context(), "price", retrain.State{}, nil, nil, nil))
			act(p)
		})
	}
}

func countsOnce(p play) {
	p.count("a", 5)
	p.is(p.count("a", 5), retrain.State{Inserted: 5})
	p.take(1, "a", "seen before it was counted")
	p.is(p.count("seen before it was counted", 3), retrain.State{Since: noon, Latest: 1, Running: 1})
	p.settle(1, retrain.Outcome{Learnt: true})
	p.is(p.count("a", 5), retrain.State{Since: noon, Latest: 1})
}

func countsMany(p play) {
	p.count("learnt", 1)
	p.take(1, "learnt")
	p.settle(1, retrain.Outcome{Learnt: true})
	p.count("counted", 5)
	p.take(2, "counted", "seen before it was counted")
	rows := map[string]int{"learnt": 1, "counted": 5, "seen before it was counted": 3, "none": 0}
	sum := 0
	for i := range 2500 {
		rows[fmt.Sprint("new ", i)] = i
		sum += i
	}
	for range 2 {
		p.must(p.CountAll(p.Context(), "price", rows))
	}
	p.must(p.CountAll(p.Context(), "price", nil))
	s, err := p.State(p.Context(), "price")
	p.must(err)
	p.is(s, retrain.State{Inserted: sum, Since: noon, Latest: 2, Running: 2})
	missing, err := p.Uncounted(p.Context(), "price", slices.Sorted(maps.Keys(rows)))
	p.must(err)
	if len(missing) > 0 {
		p.Errorf("uncounted %q", missing)
	}
	p.is(p.settle(2, retrain.Outcome{Failed: true}), retrain.State{Inserted: sum + 5 + 3, Since: noon, Latest: 2, Failures: 1, NotBefore: noon.Add(retrain.Backoff(1))})
}

func givesBack(p play) {
	p.count("a", 5)
	p.take(1, "a", "early", "unknown")
	p.count("early", 2)
	failed := retrain.Outcome{Failed: true, Error: "it diverged"}
	p.settle(1, failed)
	want := retrain.State{Inserted: 7, Failures: 1, NotBefore: noon.Add(retrain.Backoff(1)), LastError: "it diverged", Latest: 1}
	p.is(p.settle(1, failed), want)
	missing, err := p.Uncounted(p.Context(), "price", []string{"a", "early", "unknown"})
	p.must(err)
	if !slices.Equal(missing, []string{"unknown"}) {
		p.Errorf("uncounted %v", missing)
	}
}

func oneRun(p play) {
	p.take(1, "a")
	if err := p.Take(p.Context(), run(2), []string{"b"}); !errors.Is(err, retrain.ConflictError) {
		p.Errorf("a second run: %v, want a ConflictError", err)
	}
	_, err := p.Requested(p.Context(), run(2))
	p.must(err)
	p.is(p.settle(1, retrain.Outcome{Learnt: true}), retrain.State{Since: noon, Latest: 2, Queued: 2})
	p.take(2, "b")
	p.take(1, "c") // its worker was presumed dead
	p.is(p.count("c", 1), retrain.State{Inserted: 1, Since: noon, Latest: 2, Running: 2})
}

func handedOnOnce(p play) {
	_, err := p.Requested(p.Context(), run(1))
	p.must(err)
	s, err := p.HandOn(p.Context(), run(1), 0)
	p.must(err)
	p.is(s, retrain.State{Latest: 1, Queued: 1, Attempt: 1})
	if _, err := p.HandOn(p.Context(), run(1), 0); !errors.Is(err, retrain.ConflictError) {
		p.Errorf("again: %v, want a ConflictError", err)
	}
	p.take(1, "a")
	p.is(p.settle(1, retrain.Outcome{Learnt: true}), retrain.State{Since: noon, Latest: 1})
}

func rebuilt(p play) {
	p.count("a", 5)
	p.must(p.Reset(p.Context(), "price", retrain.State{Latest: 7, Running: 7}, []string{"a"}, nil, nil))
	p.is(p.count("b", 1), retrain.State{Inserted: 6})
}

func forgotten(p play) {
	p.count("gone", 4)
	p.count("there", 8)
	p.must(p.Retain(p.Context(), "price", []string{"there", "new"}))
	s, err := p.State(p.Context(), "price")
	p.must(err)
	p.is(s, retrain.State{Inserted: 8})
}

func lateRequest(p play) {
	for n := 1; n <= 2; n++ {
		p.take(n, "a")
		p.settle(n, retrain.Outcome{Learnt: true})
	}
	for _, n := range []int{1, 2} {
		s, err := p.Requested(p.Context(), run(n))
		p.must(err)
		p.is(s, retrain.State{Since: noon, Latest: 2})
	}
}

// A state that knows nothing of a run that has begun, nor of the one before, comes from an older copy.
func olderThanARun(p play) {
	if s, err := p.Requested(p.Context(), run(2)); err != nil || s.Latest != 0 || s.Queued != 0 {
		p.Errorf("a request that is not the next: %+v, %v", s, err)
	}
	if err := p.Take(p.Context(), run(2), []string{"a"}); !errors.Is(err, retrain.NotFoundError) {
		p.Errorf("take: %v, want a NotFoundError", err)
	}
	p.must(p.Reset(p.Context(), "price", retrain.State{Latest: 1}, nil, nil, nil))
	if _, err := p.Settle(p.Context(), run(2), retrain.Outcome{Learnt: true, At: noon}); !errors.Is(err, retrain.NotFoundError) {
		p.Errorf("settle: %v, want a NotFoundError", err)
	}
	if _, err := p.State(p.Context(), "price"); !errors.Is(err, retrain.NotFoundError) {
		p.Errorf("it is still there: %v", err)
	}
}

// A Lender lends leases, and says who has them.
type Lender interface {
	retrain.Leases
	Held(ctx context.Context, id retrain.RunID) (bool, error)
}

// TestLeases tests what leases of 300 ms promise.
func TestLeases(t *testing.T, open func(t *testing.T) Lender) {
	t.Run("one has it until it is released", func(t *testing.T) {
		l := open(t)
		held, release, err := l.Acquire(t.Context(), run(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Acquire(t.Context(), run(1)); !errors.Is(err, retrain.ConflictError) {
			t.Errorf("a second: %v, want a ConflictError", err)
		}
		<-time.After(700 * time.Millisecond) // longer than it lives without being renewed
		if is, err := l.Held(t.Context(), run(1)); !is || err != nil || held.Err() != nil {
			t.Errorf("after a while: held %v, %v, %v", is, err, held.Err())
		}
		release()
		if is, err := l.Held(t.Context(), run(1)); is || err != nil || held.Err() == nil {
			t.Errorf("released: held %v, %v, %v", is, err, held.Err())
		}
		_, again, err := l.Acquire(t.Context(), run(1))
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}

// TestQueue tests what a queue promises.
func TestQueue(t *testing.T, q retrain.Queue, waiting func(ctx context.Context, id retrain.RunID, attempt int) (bool, error)) {
	for range 2 { // again, it changes nothing
		if err := q.Enqueue(t.Context(), run(1), 0, "default", retrain.ByHand); err != nil {
			t.Fatal(err)
		}
	}
	for attempt, want := range []bool{true, false} {
		if got, err := waiting(t.Context(), run(1), attempt); err != nil || got != want {
			t.Errorf("attempt %d waits: %v, %v, want %v", attempt, got, err, want)
		}
	}
}

// Telling is both ends of a stream.
type Telling interface {
	retrain.Announcer
	retrain.Follower
}

// TestStream tests what a stream promises: a zero event first, then what is announced, in its order.
func TestStream(t *testing.T, s Telling) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.Announce(ctx, retrain.Event{Type: retrain.RunEnded, Model: "before"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"", "a", "b"}
	for e, err := range s.Events(ctx) {
		if err != nil || e.Model != want[0] {
			t.Fatalf("got %+v, %v, want model %q", e, err, want[0])
		}
		if want = want[1:]; len(want) == 0 {
			return
		}
		if err := s.Announce(ctx, retrain.Event{Type: retrain.RunEnded, Model: want[0]}); err != nil {
			t.Fatal(err)
		}
	}
}

func folds(p play) {
	one := retrain.Absorption("r", 1)
	fold := func(want ...string) {
		p.Helper()
		missing, err := p.Fold(p.Context(), "price", one, []string{"a", "b", "c"})
		p.must(err)
		if !slices.Equal(missing, want) {
			p.Errorf("to be counted before: %q, want %q", missing, want)
		}
	}
	p.count("a", 5)
	p.take(1, "a")
	p.settle(1, retrain.Outcome{Learnt: true})
	p.count("c", 2)
	fold("b")
	if err := p.Take(p.Context(), run(2), []string{one, "c"}); !errors.Is(err, retrain.ConflictError) {
		p.Errorf("an absorption that was not folded is taken: %v", err)
	}
	p.count("b", 1)
	fold()
	for range 2 { // what was put together is known
		for _, batch := range []string{"a", "b", "c"} {
			p.is(p.count(batch, 7), retrain.State{Inserted: 3, Since: noon, Latest: 1})
		}
		fold()
	}
	p.take(2, one)
	p.is(p.settle(2, retrain.Outcome{Failed: true}), retrain.State{Inserted: 3, Since: noon, Latest: 2, Failures: 1, NotBefore: noon.Add(retrain.Backoff(1))})
	p.take(3, one)
	p.is(p.settle(3, retrain.Outcome{Learnt: true}), retrain.State{Since: noon, Latest: 3})
	missing, err := p.Uncounted(p.Context(), "price", []string{one})
	p.must(err)
	if len(missing) > 0 {
		p.Errorf("uncounted %q", missing)
	}

	// Who was about to count one of them when the state was lost is late for the rebuilt one, too.
	p.must(p.Forget(p.Context(), "price", 3))
	p.must(p.Reset(p.Context(), "price", retrain.State{Latest: 3}, []string{one}, nil, []string{"a", "b", "c"}))
	p.must(p.CountAll(p.Context(), "price", map[string]int{"a": 5, "new": 2}))
	if got := p.count("b", 7); got.Inserted != 2 {
		p.Errorf("%d rows are counted, want the 2 of a new batch", got.Inserted)
	}
}
