package taskstest

import (
	"cmp"
	"context"
	"sync"
	"time"

	"retrain"
)

// A lease is held until its time unless it is renewed.
type lease struct {
	holder *holder
	until  time.Time
}

// Leases does what tasks.Leases does: a lease is renewed three times in its life, and lost when that fails for so long.
type Leases struct {
	Server *Server
	Do     Do
	TTL    time.Duration // 3 s
}

var (
	_ retrain.Leases  = (*Leases)(nil)
	_ retrain.Revoker = (*Leases)(nil)
)

// A holder has a lease, or had it.
type holder struct {
	*Leases
	id  retrain.RunID
	ttl time.Duration
}

// Acquire takes the lease on a run, or returns a ConflictError while somebody else has it.
func (l *Leases) Acquire(ctx context.Context, id retrain.RunID) (context.Context, func(), error) {
	h := &holder{l, id, cmp.Or(l.TTL, 3*time.Second)}
	began := time.Now()
	if got, err := h.take(ctx); err != nil {
		return nil, nil, err
	} else if !got {
		return nil, nil, retrain.Errorf(retrain.ConflictError, "%s is at another worker", id)
	}
	held, lose := context.WithCancelCause(ctx)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if !h.keep(began, stop) {
			lose(retrain.Errorf(retrain.ConflictError, "the lease on %s was lost", id))
		}
	}()
	return held, sync.OnceFunc(func() {
		close(stop)
		<-stopped
		_ = h.release() // where that fails it expires
		lose(context.Canceled)
	}), nil
}

// keep renews the lease until stop is closed, and returns false as soon as it is lost.
func (h *holder) keep(renewed time.Time, stop <-chan struct{}) bool {
	for {
		select {
		case <-stop:
			return true
		case <-time.After(h.ttl / 3):
		}
		asked := time.Now()
		ctx, cancel := context.WithDeadline(context.Background(), renewed.Add(h.ttl))
		mine, err := h.take(ctx)
		cancel()
		switch {
		case time.Since(renewed) >= h.ttl, err == nil && !mine:
			return false
		case err == nil:
			renewed = asked
		}
	}
}

func (h *holder) take(ctx context.Context) (mine bool, err error) {
	s := h.Server
	err = h.Do.call("lease "+h.id.String(), func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		was, taken := s.leases[h.id]
		if mine = !taken || was.holder == h || !time.Now().Before(was.until); !mine {
			return nil
		}
		if s.leases == nil {
			s.leases = make(map[retrain.RunID]lease)
		}
		s.leases[h.id] = lease{h, time.Now().Add(h.ttl)}
		return nil
	})
	return mine && err == nil, err
}

func (h *holder) release() error {
	return h.Do.call("release "+h.id.String(), func() error {
		h.Server.mu.Lock()
		defer h.Server.mu.Unlock()
		if h.Server.leases[h.id].holder == h {
			delete(h.Server.leases, h.id)
		}
		return nil
	})
}

// Held reports whether a worker has the lease on a run.
func (l *Leases) Held(ctx context.Context, id retrain.RunID) (held bool, err error) {
	err = l.Do.call("held "+id.String(), func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Server.mu.Lock()
		defer l.Server.mu.Unlock()
		was, taken := l.Server.leases[id]
		held = taken && time.Now().Before(was.until)
		return nil
	})
	return held && err == nil, err
}

// Revoke takes the lease on a run from whoever has it. Nobody gets it for another TTL.
func (l *Leases) Revoke(ctx context.Context, id retrain.RunID) error {
	return l.Do.call("revoke "+id.String(), func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.Server.mu.Lock()
		defer l.Server.mu.Unlock()
		if _, taken := l.Server.leases[id]; taken {
			l.Server.leases[id] = lease{nil, time.Now().Add(cmp.Or(l.TTL, 3*time.Second))}
		}
		return nil
	})
}
