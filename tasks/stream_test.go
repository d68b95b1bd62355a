package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/tasks"
)

// A seen is what a follower was yielded.
type seen struct {
	event retrain.Event
	err   error
}

// follow reads the stream until the test ends.
func follow(t *testing.T, c *tasks.Conn) <-chan seen {
	t.Helper()
	events, ended := make(chan seen, 1000), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		for e, err := range (&tasks.Stream{Conn: c}).Events(ctx) {
			events <- seen{e, err}
		}
	}()
	t.Cleanup(func() {
		began := time.Now()
		cancel()
		<-ended
		if took := time.Since(began); took > time.Second {
			t.Errorf("it ended %v after its context", took)
		}
	})
	return events
}

// next returns the next event, and fails for an error.
func next(t *testing.T, events <-chan seen) retrain.Event {
	t.Helper()
	select {
	case s := <-events:
		must(t, s.err)
		return s.event
	case <-time.After(15 * time.Second):
		t.Fatal("no event")
	}
	return retrain.Event{}
}

func announce(t *testing.T, c *tasks.Conn, run int) retrain.Event {
	t.Helper()
	e := retrain.Event{Type: retrain.RunEnded, Model: "price", Run: run, State: retrain.Published, Version: run, At: noon}
	must(t, (&tasks.Stream{Conn: c}).Announce(t.Context(), e))
	return e
}

func wantEvents(t *testing.T, events <-chan seen, want ...retrain.Event) {
	t.Helper()
	for _, w := range want {
		if got := next(t, events); got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
	}
}

func TestAFollowerSeesWhatIsAnnouncedFromNowOn(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		announce(t, c, 1) // before
		events := follow(t, c)
		wantEvents(t, events, retrain.Event{})
		for run := 2; run < 5; run++ {
			wantEvents(t, events, announce(t, c, run))
		}
	})
}

func TestAFollowerMissesNothingWhenRedisRestarts(t *testing.T) {
	s := own(t)
	c := open(t, tasks.Config{Addr: s.addr})
	events := follow(t, c)
	wantEvents(t, events, retrain.Event{})
	wantEvents(t, events, announce(t, c, 1))
	s.restart(t)
	second := announce(t, c, 2) // maybe before the follower is there again
	for {
		e := <-events
		switch {
		case e.event == second:
			return
		case e.event != retrain.Event{}:
			t.Fatalf("got %+v, want %+v", e.event, second)
		case e.err != nil && !errors.Is(e.err, retrain.UnavailableError):
			t.Fatalf("got %v, want an UnavailableError", e.err)
		}
	}
}

func TestAFollowerNoticesThatTheStreamWasLost(t *testing.T) {
	t.Parallel()
	c := connect(t)
	events := follow(t, c)
	wantEvents(t, events, retrain.Event{})
	wantEvents(t, events, announce(t, c, 1), announce(t, c, 2))
	must(t, c.Redis.FlushDB(t.Context()).Err())
	wantEvents(t, events, retrain.Event{})
	wantEvents(t, events, announce(t, c, 3), announce(t, c, 4))
}

func TestAFollowerNoticesWhatWasDropped(t *testing.T) {
	c := connect(t)
	events := follow(t, c)
	wantEvents(t, events, retrain.Event{})
	wantEvents(t, events, announce(t, c, 1))
	pipe := c.Redis.TxPipeline() // at once, so that the reader cannot be in between
	for _, n := range []string{"2", "3"} {
		pipe.XAdd(t.Context(), xadd(n))
	}
	pipe.XTrimMaxLen(t.Context(), "retrain:events", 1)
	_, err := pipe.Exec(t.Context())
	must(t, err)
	wantEvents(t, events, retrain.Event{}, retrain.Event{Type: "third"})
}

// xadd is an entry as Announce writes it.
func xadd(number string) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: "retrain:events", Values: []string{"number", number, "event", `{"type":"third","at":"0001-01-01T00:00:00Z"}`}}
}
