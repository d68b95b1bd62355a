package tasks

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"retrain"
)

// Leases sees to it that a run has one worker. A lease lives for TTL unless its holder renews it, which it does three times
// in that time; so a holder's death is noticed within TTL. Time is measured by each side's own clock, as it passes, never
// compared.
type Leases struct {
	Conn *Conn
	TTL  time.Duration // 3 s
}

const leaseTTL = 3 * time.Second

var (
	_ retrain.Leases  = (*Leases)(nil)
	_ retrain.Revoker = (*Leases)(nil)
)

// A lease is one that is held.
type lease struct {
	conn  *Conn
	key   string
	token string
	ttl   time.Duration
}

// Acquire takes the lease on a run, or returns a ConflictError while somebody else has it. The lease is renewed until release
// is called, which also ends the returned context; that ends by itself, with a ConflictError as its cause, when the lease was
// lost: somebody else has it, or Redis did not answer for as long as it lives.
func (l *Leases) Acquire(ctx context.Context, id retrain.RunID) (context.Context, func(), error) {
	h := lease{conn: l.Conn, key: leaseKey(id), token: rand.Text(), ttl: cmp.Or(l.TTL, leaseTTL)}
	began := time.Now()
	got, err := h.take(ctx)
	if err != nil {
		return nil, nil, l.Conn.fault(err, "lease on "+id.String())
	}
	if !got {
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
	release := sync.OnceFunc(func() {
		close(stop)
		<-stopped
		h.giveBack()
		lose(context.Canceled)
	})
	return held, release, nil
}

// Held reports whether a worker has the lease on a run.
func (l *Leases) Held(ctx context.Context, id retrain.RunID) (bool, error) {
	n, err := l.Conn.Redis.Exists(ctx, leaseKey(id)).Result()
	return n > 0, l.Conn.fault(err, "lease on "+id.String())
}

// Revoke takes the lease on a run from whoever has it, who notices when he renews it, within a third of TTL. Nobody gets it for
// another TTL.
func (l *Leases) Revoke(ctx context.Context, id retrain.RunID) error {
	err := revokeScript.Run(ctx, l.Conn.Redis, []string{leaseKey(id)}, "revoked", cmp.Or(l.TTL, leaseTTL).Milliseconds()).Err()
	return l.Conn.fault(err, "revoke the lease on "+id.String())
}

// keep renews the lease until stop is closed. It returns false as soon as the lease is lost, counted from renewed, the moment
// before it was asked for last.
func (h *lease) keep(renewed time.Time, stop <-chan struct{}) bool {
	tick := time.NewTicker(h.ttl / 3)
	defer tick.Stop()
	for {
		expiry := time.NewTimer(time.Until(renewed.Add(h.ttl)))
		select {
		case <-stop:
			expiry.Stop()
			return true
		case <-expiry.C:
			return false
		case <-tick.C:
			expiry.Stop()
		}
		now := time.Now()
		if now.Sub(renewed) >= h.ttl { // this process stood still; both channels were ready
			return false
		}
		switch mine, err := h.renew(renewed.Add(h.ttl)); {
		case err != nil: // the next tick tries again
		case mine:
			renewed = now
		default:
			return false
		}
	}
}

// renew takes the lease again. It gives up at the deadline, when the lease may be somebody else's.
func (h *lease) renew(deadline time.Time) (bool, error) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	return h.take(ctx)
}

// take reports whether the lease is ours for another TTL.
func (h *lease) take(ctx context.Context) (bool, error) {
	return leaseScript.Run(ctx, h.conn.Redis, []string{h.key}, h.token, h.ttl.Milliseconds()).Bool()
}

// giveBack frees the lease at once. Where that fails it expires.
func (h *lease) giveBack() {
	ctx, cancel := context.WithTimeout(context.Background(), h.ttl)
	defer cancel()
	_ = releaseScript.Run(ctx, h.conn.Redis, []string{h.key}, h.token).Err()
}
