package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"retrain"
	"retrain/internal/app"
)

// How often the state is looked at for pages that show it, and what takes longer to find out.
const (
	look      = 500 * time.Millisecond
	lookWider = 2 * time.Second
)

// How many of the latest errors are shown.
const mostErrors = 50

// A watch looks how everything stands, once for all pages, and while there is one.
type watch struct {
	app   *app.App
	board *app.Board
	end   context.Context //nolint:containedctx // the server's: a watch outlives the request that begins it

	mu     sync.Mutex // guards the following
	pages  int
	stop   context.CancelFunc
	latest *picture
	next   chan struct{} // closed when latest is replaced
	all    sync.WaitGroup
}

// A picture is how everything stands. It is never changed.
type picture struct {
	number  int
	lines   []line
	gone    map[string]int // models that are no longer declared, by the number of the picture that misses them first
	plant   sheet          // app.Plant
	errors  sheet          // []retrain.Event
	problem []byte         // why nothing is known, instead of all that; nil: it is
}

// A line is a model.
type line struct {
	model, resource string
	sheet
}

// A sheet is JSON, and the number of the picture that has it first.
type sheet struct {
	json  []byte
	since int
}

// changed returns b as a sheet, with the number of the picture where it is another one than before.
func (s sheet) changed(b []byte, number int) sheet {
	if bytes.Equal(s.json, b) {
		return s
	}
	return sheet{b, number}
}

func newWatch(ctx context.Context, a *app.App) *watch {
	return &watch{app: a, board: &app.Board{App: a}, end: ctx, latest: new(picture), next: make(chan struct{})}
}

// join makes the watch look until leave is called.
func (w *watch) join() (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages++; w.pages == 1 {
		ctx, stop := context.WithCancel(w.end)
		w.stop = stop
		w.all.Go(func() { w.follow(ctx) })
		w.all.Go(func() { w.run(ctx) })
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.pages--; w.pages == 0 {
			w.stop()
		}
	}
}

// now returns the latest picture, and what is closed when there is another one.
func (w *watch) now() (*picture, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest, w.next
}

// follow makes the board look again at what events tell of.
func (w *watch) follow(ctx context.Context) {
	for e, err := range w.app.Stream.Events(ctx) {
		if err == nil {
			w.board.Changed(e.Model) // of all where events are missing
		}
	}
}

func (w *watch) run(ctx context.Context) {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	var wider time.Time
	for {
		wide := time.Since(wider) >= lookWider
		if wide {
			wider = time.Now()
		}
		if p := w.look(ctx, wide); ctx.Err() == nil {
			w.show(p)
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) show(p *picture) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p != w.latest {
		w.latest = p
		close(w.next)
		w.next = make(chan struct{})
	}
}

// look returns the next picture, or the latest where nothing has changed.
func (w *watch) look(ctx context.Context, wide bool) *picture {
	before, _ := w.now()
	p := &picture{number: before.number + 1, gone: before.gone, plant: before.plant, errors: before.errors, lines: before.lines}
	err := w.models(ctx, p)
	if wide && err == nil {
		err = w.widely(ctx, p)
	}
	if p.problem = problemOf(ctx, w.app.Log, err); p.problem != nil {
		if bytes.Equal(p.problem, before.problem) {
			return before
		}
		p.lines, p.plant, p.errors, p.gone = before.lines, before.plant, before.errors, before.gone
		return p
	}
	same := before.problem == nil && before.number > 0 && p.plant.since <= before.number && p.errors.since <= before.number && len(p.gone) == len(before.gone) &&
		!slices.ContainsFunc(p.lines, func(l line) bool { return l.since > before.number })
	if same {
		return before
	}
	return p
}

// models replaces the picture's lines.
func (w *watch) models(ctx context.Context, p *picture) error {
	rows, err := w.board.Look(ctx)
	if err != nil {
		return err
	}
	old := make(map[string]sheet, len(p.lines))
	for i := range p.lines {
		old[p.lines[i].model] = p.lines[i].sheet
	}
	p.lines = make([]line, len(rows))
	gone := make(map[string]int)
	maps.Copy(gone, p.gone)
	for i := range rows {
		b, err := json.Marshal(&rows[i])
		if err != nil {
			return err
		}
		name := rows[i].Model
		p.lines[i] = line{name, rows[i].Resource, old[name].changed(b, p.number)}
		delete(old, name)
		delete(gone, name)
	}
	for model := range old {
		gone[model] = p.number
	}
	p.gone = gone
	return nil
}

// widely replaces the picture's plant and errors.
func (w *watch) widely(ctx context.Context, p *picture) error {
	plant, err := w.app.Plant(ctx)
	if err != nil {
		return err
	}
	for i := range plant.Signs {
		plant.Signs[i].At = time.Time{} // it would differ each time
	}
	bad, err := w.app.RecentErrors(ctx, mostErrors)
	if err != nil {
		return err
	}
	plantJSON, err := json.Marshal(plant)
	if err != nil {
		return err
	}
	errorsJSON, err := json.Marshal(bad)
	p.plant, p.errors = p.plant.changed(plantJSON, p.number), p.errors.changed(errorsJSON, p.number)
	return err
}

// problemOf returns what pages are told of an error; nil for none.
func problemOf(ctx context.Context, log *slog.Logger, err error) []byte {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok {
		log.ErrorContext(ctx, "watch", "err", err)
		e = retrain.Errorf(retrain.MLError, "internal error").WithHint("the log of the server says more")
	}
	b, _ := json.Marshal(problem{Error: e.Message, Code: e.Code, Hint: e.Hint}) // texts marshal
	return b
}
