package taskstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"retrain"
	"retrain/tasks/taskstest"
)

var was = retrain.State{Latest: 3, Failures: 1}

func TestTheServerInMemoryKeepsTheContract(t *testing.T) {
	s := new(taskstest.Server)
	taskstest.TestLedger(t, func(*testing.T) taskstest.Book {
		return &taskstest.Ledger{Server: new(taskstest.Server), Now: taskstest.Noon}
	})
	q := &taskstest.Queue{Server: s}
	taskstest.TestQueue(t, q, q.Waiting)
	taskstest.TestStream(t, &taskstest.Stream{Server: s})
	taskstest.TestLeases(t, func(*testing.T) taskstest.Lender {
		return &taskstest.Leases{Server: new(taskstest.Server), TTL: 300 * time.Millisecond}
	})
}

// What was saved is as it was, whatever happened since.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(taskstest.Server)
		l := &taskstest.Ledger{Server: s, Now: taskstest.Noon}
		if err := l.Reset(t.Context(), "price", was, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		saved := s.Save()
		if _, err := l.Count(t.Context(), "price", "a", 3); err != nil {
			t.Fatal(err)
		}
		s.Flush()
		s.Restore(saved)
		if got, err := l.State(t.Context(), "price"); err != nil || got.Failures != was.Failures || got.Latest != was.Latest || got.Inserted != 0 {
			t.Errorf("got %+v, %v, want %+v", got, err, was)
		}
	})
}
