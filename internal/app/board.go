package app

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/tasks"
)

// A Row is a model on a board.
type Row struct {
	retrain.ModelStatus
	Metrics map[string]float64 `json:"metrics,omitempty"` // the champion's, on its holdout
	Drift   float64            `json:"drift,omitempty"`   // how far the questions lie from what it learnt, where a predictor says it
}

// A Board knows how all models stand, cheaply enough to be asked twice a second: what is in Redis is read anew, in one go; what is
// in S3 where an event told of a change, and otherwise now and then.
type Board struct {
	App *App

	mu     sync.Mutex // guards the following
	stored map[string]stored
}

// What is known of a model from S3.
type stored struct {
	champion retrain.Champion
	metrics  map[string]float64
	read     time.Time // zero: read it again
}

// Pointers are read again after this time, in case an event was lost; each at another moment.
const storedFor = 30 * time.Second

// How many objects are read from S3 at once.
const boardReads = 16

// Look returns all models, sorted by name.
func (b *Board) Look(ctx context.Context) ([]Row, error) {
	specs, err := b.App.Catalog.Specs(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.read(ctx, specs.Models); err != nil {
		return nil, err
	}
	looks, err := b.looks(ctx, specs.Models)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(specs.Models))
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, m := range specs.Models {
		l, s := &looks[i], b.stored[m.Name]
		rows[i] = Row{retrain.StatusOf(m, l.State, s.champion, withoutCurve(l.Progress), now), s.metrics, l.Drift}
	}
	return rows, nil
}

// looks asks Redis, once more where a model's state had to be rebuilt.
func (b *Board) looks(ctx context.Context, models []*retrain.Model) ([]tasks.Look, error) {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Name
	}
	looks, err := b.App.Ledger.Overview(ctx, names)
	for i := range looks {
		if looks[i].Known {
			continue
		}
		if _, err := b.App.State(ctx, names[i]); err != nil { // which rebuilds all of them
			return nil, err
		}
		return b.App.Ledger.Overview(ctx, names)
	}
	return looks, err
}

// Changed makes the next look read a model's pointer again, or all models' for "".
func (b *Board) Changed(model string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range b.stored {
		if model == "" || name == model {
			s.read = time.Time{}
			b.stored[name] = s
		}
	}
	if model == "" {
		b.App.Catalog.Forget()
	}
}

// read reads the pointers that are not known, or old.
func (b *Board) read(ctx context.Context, models []*retrain.Model) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(boardReads)
	for i, m := range models {
		b.mu.Lock()
		s := b.stored[m.Name]
		b.mu.Unlock()
		if time.Since(s.read) < storedFor+time.Duration(i%10)*time.Second {
			continue
		}
		g.Go(func() error { return b.readOne(ctx, m.Name, s) })
	}
	err := g.Wait()
	b.forget(models)
	return err
}

func (b *Board) readOne(ctx context.Context, model string, was stored) error {
	now := stored{read: time.Now(), metrics: was.metrics}
	var err error
	if now.champion, err = b.App.Registry.Champion(ctx, model); err != nil && !errors.Is(err, retrain.ModelNotTrainedError) {
		return err
	}
	if now.champion.Version != was.champion.Version {
		now.metrics = nil
		mf, err := b.App.Registry.Manifest(ctx, model, now.champion.Version)
		if err == nil {
			now.metrics = mf.Fit.Metrics
		} else if now.champion.Version != 0 && !errors.Is(err, retrain.NotFoundError) {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stored == nil {
		b.stored = make(map[string]stored)
	}
	b.stored[model] = now
	return nil
}

// forget forgets models that are no longer declared.
func (b *Board) forget(models []*retrain.Model) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.stored) <= len(models) {
		return
	}
	declared := make(map[string]bool, len(models))
	for _, m := range models {
		declared[m.Name] = true
	}
	maps.DeleteFunc(b.stored, func(name string, _ stored) bool { return !declared[name] })
}

// withoutCurve returns a progress for a list.
func withoutCurve(p *retrain.Progress) *retrain.Progress {
	if p == nil || p.Curve == nil {
		return p
	}
	short := *p
	short.Curve = nil
	return &short
}
