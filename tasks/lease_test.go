package tasks_test

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/tasks"
)

func acquire(t *testing.T, l *tasks.Leases) (held context.Context, release func()) {
	t.Helper()
	held, release, err := l.Acquire(t.Context(), run7(1))
	must(t, err)
	t.Cleanup(release)
	return held, release
}

func isHeld(t *testing.T, l *tasks.Leases) bool {
	t.Helper()
	held, err := l.Held(t.Context(), run7(1))
	must(t, err)
	return held
}

func waitLost(held context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-held.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the lease is still held")
	}
	if err := context.Cause(held); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("its cause is %v, want a ConflictError", err)
	}
}

func TestOneHoldsALease(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		l := &tasks.Leases{Conn: c}
		held, release := acquire(t, l)
		if _, _, err := l.Acquire(t.Context(), run7(1)); !errors.Is(err, retrain.ConflictError) {
			t.Errorf("a second holder: %v, want a ConflictError", err)
		}
		if _, other, err := l.Acquire(t.Context(), run7(2)); err != nil {
			t.Errorf("another run: %v", err)
		} else {
			other()
		}
		if !isHeld(t, l) || held.Err() != nil {
			t.Error("it is not held")
		}
		release()
		release()
		if isHeld(t, l) || held.Err() == nil {
			t.Error("it is held after its release")
		}
		acquire(t, l)
	})
}

func TestManyWantTheSameLease(t *testing.T) {
	l := &tasks.Leases{Conn: connect(t)}
	var all sync.WaitGroup
	var mu sync.Mutex // guards at
	at := 0
	for range 16 {
		all.Go(func() {
			for done := false; !done; {
				_, release, err := l.Acquire(t.Context(), run7(1))
				if err != nil {
					continue
				}
				mu.Lock()
				at++
				if at > 1 {
					t.Error("two hold it")
				}
				mu.Unlock()
				mu.Lock()
				at--
				mu.Unlock()
				release()
				done = true
			}
		})
	}
	all.Wait()
}

func TestALeaseIsRenewedForAsLongAsItTakes(t *testing.T) {
	t.Parallel()
	l := &tasks.Leases{Conn: connect(t), TTL: 600 * time.Millisecond}
	held, _ := acquire(t, l)
	for began := time.Now(); time.Since(began) < 3*l.TTL; {
		if _, _, err := l.Acquire(t.Context(), run7(1)); err == nil {
			t.Fatal("somebody else got it")
		}
	}
	if held.Err() != nil {
		t.Error(context.Cause(held))
	}
}

func TestADeadHoldersLeaseExpires(t *testing.T) {
	c := connect(t)
	must(t, c.Redis.Set(t.Context(), "retrain:{price}:lease:price-1", "a process that died", time.Second).Err())
	l := &tasks.Leases{Conn: c, TTL: time.Second}
	began := time.Now()
	eventually(t, "the lease is free", func() bool {
		_, release, err := l.Acquire(t.Context(), run7(1))
		if err == nil {
			release()
		}
		return err == nil
	})
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestALeaseThatSomebodyElseHasIsLost(t *testing.T) {
	c := connect(t)
	l := &tasks.Leases{Conn: c, TTL: 900 * time.Millisecond}
	held, release := acquire(t, l)
	must(t, c.Redis.Set(t.Context(), "retrain:{price}:lease:price-1", "somebody else", 0).Err())
	waitLost(held, t)
	release()
	if got := c.Redis.Get(t.Context(), "retrain:{price}:lease:price-1").Val(); got != "somebody else" {
		t.Errorf("the release took it from %q", got)
	}
}

func TestALeaseSurvivesThatRedisForgetsIt(t *testing.T) {
	c := connect(t)
	l := &tasks.Leases{Conn: c, TTL: 900 * time.Millisecond}
	held, _ := acquire(t, l)
	must(t, c.Redis.FlushDB(t.Context()).Err())
	eventually(t, "it is held again", func() bool { return isHeld(t, l) })
	if held.Err() != nil {
		t.Error(context.Cause(held))
	}
}

func TestALeaseIsLostWhenRedisStaysAway(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(s *server){
		"dead":  (*server).kill,
		"stuck": func(s *server) { s.cmd.Process.Signal(syscall.SIGSTOP) },
	} {
		t.Run(name, func(t *testing.T) {
			s := own(t)
			l := &tasks.Leases{Conn: open(t, tasks.Config{Addr: s.addr}), TTL: 600 * time.Millisecond}
			held, _ := acquire(t, l)
			began := time.Now()
			away(s)
			waitLost(held, t)
			if took := time.Since(began); took > l.TTL+time.Second {
				t.Errorf("noticed after %v, and the lease lives %v", took, l.TTL)
			}
		})
	}
}

func TestALeaseSurvivesAShortRestart(t *testing.T) {
	s := own(t)
	l := &tasks.Leases{Conn: open(t, tasks.Config{Addr: s.addr})}
	held, _ := acquire(t, l)
	s.restart(t)
	eventually(t, "it is held", func() bool { return isHeld(t, l) })
	if held.Err() != nil {
		t.Errorf("lost: %v", context.Cause(held))
	}
}
