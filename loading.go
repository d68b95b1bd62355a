package retrain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A Refusal is a version that a worker does not let answer: its files are incomplete or damaged, it does not load, it gives
// numbers that are none or other answers than when it was made, or it is too slow. It is tried again when its files change.
type Refusal struct {
	Model   string    `json:"model"`
	Version int       `json:"version"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`

	stamp string // of the files that were refused; "" where they were not looked at before
}

// A loading is a version on its way.
type loading struct {
	done   chan struct{} // closed at the end
	err    error         // why it came to nothing; to be read when done is closed
	cancel context.CancelFunc
}

// over returns a loading that has ended.
func over(err error) *loading {
	ended := &loading{done: make(chan struct{}), err: err}
	close(ended.done)
	return ended
}

// load sets a version on its way, unless it is loaded, on its way or refused. It does not end with ctx.
func (l *Live) load(ctx context.Context, model string, version int) *loading {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.running {
		return over(Errorf(UnavailableError, "this prediction worker is not at work"))
	}
	p := l.place(model)
	again := p.refused[version]
	switch way := p.loading[version]; {
	case p.loaded[version] != nil:
		return over(nil)
	case way != nil:
		return way
	case again != nil && again.stamp != "":
		return over(again.err())
	}
	if version == p.pointer.Version { // whoever moved the pointer is the reason, and not who happens to ask first
		ctx = within(ctx, l.Tracer, p.pointer.Trace)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	way := &loading{done: make(chan struct{}), cancel: cancel}
	p.loading[version] = way
	l.loads.Go(func() {
		defer cancel()
		ctx, end := begin(ctx, l.Tracer, "reload", "model", model, "version", version)
		s, stamp, err := l.bring(ctx, model, version, again != nil)
		end(err)
		way.err = l.arrived(ctx, p, &Refusal{Model: model, Version: version, stamp: stamp}, s, err)
		close(way.done)
	})
	return way
}

// bring fetches and loads a version. Where it is stamped, it returns the stamp that its files had before they were read.
func (l *Live) bring(ctx context.Context, model string, version int, stamped bool) (s *serving, stamp string, err error) {
	if stamped {
		if stamp, err = l.Shelf.Stamp(ctx, model, version); err != nil {
			return nil, "", err
		}
	}
	if err := os.MkdirAll(l.Dir, 0o750); err != nil {
		return nil, stamp, err
	}
	dir, err := os.MkdirTemp(l.Dir, model+"-"+strconv.Itoa(version)+"-")
	if err != nil {
		return nil, stamp, err
	}
	defer os.RemoveAll(dir)
	v, err := l.Shelf.Fetch(ctx, model, version, filepath.Join(dir, "version"))
	if err != nil {
		return nil, stamp, err
	}
	l.turn.Lock() // loading takes a core: one at a time leaves the others to those who ask
	defer l.turn.Unlock()
	loaded, err := l.Load(v)
	if err != nil {
		return nil, stamp, Errorf(PredictionError, "%w", err)
	}
	s = &serving{Servable: loaded, version: version, manifest: v.Manifest}
	s.used.Store(l.Now().UnixNano())
	if l.Tracer != nil {
		s.trace.Store(new(l.Tracer.Mark(ctx)))
	}
	return s, stamp, nil
}

// arrived puts a version where it belongs: among the loaded, or, where an error is its own fault, among the refused. It returns
// what those hear who wait for it.
func (l *Live) arrived(ctx context.Context, p *place, r *Refusal, s *serving, err error) error {
	l.mu.Lock()
	delete(p.loading, r.Version)
	old := p.refused[r.Version]
	wanted := p.pointer.Version == r.Version || p.pointer.Previous == r.Version
	switch code := CodeOf(err); {
	case p.gone:
		if s != nil {
			err = s.Close()
		}
		err = errors.Join(err, Errorf(ModelNotFoundError, "model %q is disposed of", r.Model))
	case err == nil:
		p.loaded[r.Version] = s
		s.asked.Store(!wanted)
		l.size += s.Size()
		delete(p.refused, r.Version)
		l.makeRoom()
	case code == PredictionError, code == DataValidationError, code == NotFoundError && wanted:
		r.Reason, r.Since = err.Error(), l.Now().UTC()
		if old != nil {
			r.Since = old.Since
		}
		p.refused[r.Version] = r
		l.loads.Go(func() { l.tell(context.WithoutCancel(ctx), r, old) })
		err = r.err()
	case ctx.Err() == nil:
		l.Log.WarnContext(ctx, "load", "model", r.Model, "version", r.Version, "err", err)
	}
	l.swap(p)
	l.mu.Unlock()
	return err
}

// tell says that a version is refused, unless that was said.
func (l *Live) tell(ctx context.Context, r, old *Refusal) {
	if old != nil && old.Reason == r.Reason {
		return
	}
	l.Log.ErrorContext(ctx, "refused, the version before goes on", "model", r.Model, "version", r.Version, "why", r.Reason)
	if l.Tell == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	e := Event{Type: Quarantined, Model: r.Model, Version: r.Version, At: r.Since, Error: &Error{Code: PredictionError, Message: r.Reason}}
	if err := l.Tell.Announce(ctx, e); err != nil { // a hint lost; it stands in the status of this worker
		l.Log.WarnContext(ctx, "announce", "model", r.Model, "version", r.Version, "err", err)
	}
}

func (r *Refusal) err() error {
	return Errorf(UnavailableError, "version %d of model %q is refused by this worker: %s", r.Version, r.Model, r.Reason).
		WithHint("roll back to another version, or train again")
}

// mayHaveChanged reports whether it makes sense to load a version: it was not refused, or its files are others now.
func (l *Live) mayHaveChanged(ctx context.Context, model string, version int) bool {
	l.mu.RLock()
	r := l.places[model].refused[version]
	l.mu.RUnlock()
	if r == nil {
		return true
	}
	stamp, err := l.Shelf.Stamp(ctx, model, version)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil || stamp == r.stamp {
		return false
	}
	again := *r
	again.stamp = ""
	l.places[model].refused[version] = &again
	return true
}

// open makes ready for loads.
func (l *Live) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = true
}

// close ends the loads and frees all versions when their last users have left.
func (l *Live) close() {
	l.mu.Lock()
	l.running = false
	for _, p := range l.places {
		for _, way := range p.loading {
			way.cancel()
		}
	}
	l.mu.Unlock()
	l.loads.Wait()
	l.mu.Lock()
	for _, p := range l.places {
		for _, s := range p.loaded {
			l.drop(p, s)
		}
	}
	l.mu.Unlock()
	l.leaving.Wait()
}

// place returns the place of a model. l.mu is held.
func (l *Live) place(model string) *place {
	p := l.places[model]
	if p == nil {
		p = &place{pointer: Champion{Model: model}, loaded: make(map[int]*serving), loading: make(map[int]*loading), refused: make(map[int]*Refusal)}
		if l.places == nil {
			l.places = make(map[string]*place)
		}
		l.places[model] = p
	}
	return p
}
