package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/tasks"
)

// watch shows the status until ctx ends: on a terminal in one place and with all that goes on, elsewhere whenever it has changed.
func (c *call) watch(ctx context.Context, model string) error {
	every := max(c.flags.Duration("interval"), 100*time.Millisecond)
	show := c.changes()
	if c.Paint && !c.json() {
		v := newView(c)
		defer v.close()
		show = v.show
	}
	for {
		models, err := c.app.Status(ctx, model)
		if ctx.Err() == nil {
			err = show(ctx, models, err)
		}
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how a watch ends
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

// changes returns what prints a status that is another than the one before.
func (c *call) changes() func(context.Context, []retrain.ModelStatus, error) error {
	var before []byte
	return func(_ context.Context, models []retrain.ModelStatus, err error) error {
		if err != nil {
			return err
		}
		now, err := c.printed(func(c *call) error {
			return c.answer(statuses{models}, func(w io.Writer) { c.statusTable(w, models) })
		})
		if err == nil && !bytes.Equal(now, before) {
			_, err = c.Stdout.Write(now)
		}
		before = now
		return err
	}
}

// printed returns what do prints on stdout.
func (c *call) printed(do func(c *call) error) ([]byte, error) {
	var text bytes.Buffer
	screen, shown := *c.program, *c
	screen.Stdout = &text
	shown.program = &screen
	err := do(&shown)
	return text.Bytes(), err
}

// A scene is all that a view shows at one moment.
type scene struct {
	at      time.Time
	models  []retrain.ModelStatus
	runs    []retrain.Progress // of those that are at work, with their curves
	depths  []tasks.QueueDepth
	servers []tasks.ServerInfo
	trouble error // why it is not from now
}

// scene looks at runs, queues and workers.
func (c *call) scene(ctx context.Context, models []retrain.ModelStatus) (*scene, error) {
	s := &scene{at: time.Now(), models: models, runs: make([]retrain.Progress, len(models))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	g.Go(func() (err error) {
		s.depths, err = c.app.Redis.Depths(ctx)
		return err
	})
	g.Go(func() (err error) {
		s.servers, err = c.app.Redis.Servers(ctx)
		return err
	})
	for i, m := range models {
		if m.State == retrain.ModelRunning {
			g.Go(func() error {
				p, ok, err := c.app.Ledger.Progress(ctx, m.Model)
				if ok && p.Run == m.Run.Run {
					s.runs[i] = p
				}
				return err
			})
		}
	}
	return s, g.Wait()
}

// show shows the status and what goes on. What does not answer once may answer again: until then the scene before stays.
func (v *view) show(ctx context.Context, models []retrain.ModelStatus, err error) error {
	var now *scene
	if err == nil {
		now, err = v.scene(ctx, models)
	}
	switch {
	case err == nil:
		v.last = now
	case v.last == nil || !errors.Is(err, retrain.UnavailableError):
		return err
	default:
		v.last.trouble = err
	}
	return v.draw()
}
