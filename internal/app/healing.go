package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"retrain"
)

// healing is a counter that has a lost state rebuilt before it counts. While Redis is away it says so at once: an insert does
// not wait for it, since the next sweep counts what was stored.
type healing struct {
	retrain.Counter
	sweeper *retrain.Sweeper

	mu   sync.Mutex // guards the following two fields
	away error
	till time.Time
}

// How long Redis is left alone after it did not answer.
const leaveAlone = 5 * time.Second

// Count counts a batch, once.
func (h *healing) Count(ctx context.Context, model, batch string, rows int) (retrain.State, error) {
	if err := h.unavailable(); err != nil {
		return retrain.State{}, err
	}
	s, err := h.Counter.Count(ctx, model, batch, rows)
	if errors.Is(err, retrain.NotFoundError) {
		if err = h.sweeper.SweepOnly(ctx, model); err == nil {
			s, err = h.Counter.Count(ctx, model, batch, rows)
		}
	}
	if errors.Is(err, retrain.UnavailableError) {
		h.mu.Lock()
		h.away, h.till = err, time.Now().Add(leaveAlone)
		h.mu.Unlock()
	}
	return s, err
}

func (h *healing) unavailable() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.till) {
		return h.away
	}
	return nil
}
