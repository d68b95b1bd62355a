package retrain

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Which says which version of a model is meant: the zero value means the champion.
type Which struct {
	Version int    // 0: by label
	Label   string // "" or champion, previous, or one that the model declares
}

// The labels that every model has.
const (
	LabelChampion = "champion"
	LabelPrevious = "previous"
)

// A Using is a version that is held for somebody: it answers until Done is called, whatever becomes of it meanwhile.
type Using struct {
	s   *serving
	end func(error) // of the span that it is; nil for most
}

// Version returns its number.
func (u Using) Version() int { return u.s.version }

// Manifest returns what is known of it. It must not be changed.
func (u Using) Manifest() *Manifest { return u.s.manifest }

// Done lets go. The Using must not be used any more.
func (u Using) Done() {
	u.s.users.Done()
	if u.end != nil {
		u.end(nil)
	}
}

// Predict answers records in their order. Errors are those of Servable.
func (u Using) Predict(ctx context.Context, records []Record) ([]Prediction, error) {
	return u.s.Predict(ctx, records)
}

// AnswerJSON is that of a JSONServable; what is none reads nothing.
func (u Using) AnswerJSON(ctx context.Context, text []byte, most int, out []byte) (answer []byte, rows int, ok bool, err error) {
	if s, is := u.s.Servable.(JSONServable); is {
		return s.AnswerJSON(ctx, text, most, out)
	}
	return out, 0, false, nil
}

// Forecast returns the next steps values of a time series. A model of another type is a PredictionError.
func (u Using) Forecast(ctx context.Context, latest []Record, steps int) ([]Prediction, error) {
	f, ok := u.s.Servable.(Forecaster)
	if !ok {
		return nil, Errorf(PredictionError, "model %q has no forecast", u.s.manifest.Model)
	}
	return f.Forecast(ctx, latest, steps)
}

// A serving is a loaded version and those who use it.
type serving struct {
	Servable
	version  int
	manifest *Manifest
	users    sync.WaitGroup
	used     atomic.Int64           // when it was asked last, Unix ns
	asked    atomic.Bool            // for itself, when it was no champion
	trace    atomic.Pointer[string] // of its loading, until somebody has used it; nil where nothing is followed
}

// How long a question waits for a version that is on its way: fetched, loaded and warmed.
const loadPatience = 5 * time.Second

// Use returns a version of a model, which must be told when it is done with. One that is not loaded is, and waited for some
// seconds. Errors: ModelNotFoundError; ModelNotTrainedError; NotFoundError for a version or label that does not exist;
// UnavailableError for one that is refused here, or not loaded yet.
func (l *Live) Use(ctx context.Context, model string, which Which) (Using, error) {
	if s := l.hold(model, which); s != nil {
		return l.using(ctx, s), nil
	}
	version, err := l.resolve(ctx, model, which)
	if err != nil {
		return Using{}, err
	}
	for patience := time.After(loadPatience); ; {
		way := l.load(ctx, model, version)
		select {
		case <-way.done:
			if way.err != nil {
				return Using{}, way.err
			}
		case <-ctx.Done():
			return Using{}, context.Cause(ctx)
		case <-patience:
			return Using{}, Errorf(UnavailableError, "version %d of model %q is not loaded yet", version, model).
				WithHint("try again; the log of the prediction worker says what holds it up")
		}
		if s := l.hold(model, Which{Version: version}); s != nil {
			return l.using(ctx, s), nil
		}
	}
}

// using returns the use of what is held. The first one belongs to the trace that brought it here.
func (l *Live) using(ctx context.Context, s *serving) Using {
	u := Using{s: s}
	if s.trace.Load() == nil {
		return u
	}
	if mark := s.trace.Swap(nil); mark != nil {
		_, u.end = begin(within(ctx, l.Tracer, *mark), l.Tracer, "first prediction", "model", s.manifest.Model, "version", s.version)
	}
	return u
}

// Predict answers records with the model's champion of this moment, whose version it returns. Errors are those of Use and of
// Servable.
func (l *Live) Predict(ctx context.Context, model string, records []Record) ([]Prediction, int, error) {
	u, err := l.Use(ctx, model, Which{})
	if err != nil {
		return nil, 0, err
	}
	defer u.Done()
	predictions, err := u.Predict(ctx, records)
	return predictions, u.Version(), err
}

// Forecast answers with the next steps values of a time series, as Predict does. A model of another type is a PredictionError.
func (l *Live) Forecast(ctx context.Context, model string, latest []Record, steps int) ([]Prediction, int, error) {
	u, err := l.Use(ctx, model, Which{})
	if err != nil {
		return nil, 0, err
	}
	defer u.Done()
	predictions, err := u.Forecast(ctx, latest, steps)
	return predictions, u.Version(), err
}

// hold returns a version if it is loaded and does not need the catalog to be found; otherwise nil.
func (l *Live) hold(model string, which Which) *serving {
	l.mu.RLock()
	defer l.mu.RUnlock()
	p := l.places[model]
	if p == nil {
		return nil
	}
	var s *serving
	switch {
	case which.Version != 0:
		s = p.loaded[which.Version]
	case which.Label == "", which.Label == LabelChampion:
		s = p.champion
	case which.Label == LabelPrevious:
		s = p.loaded[p.pointer.Previous]
	}
	if s != nil {
		s.users.Add(1) // under the lock: whoever waits for the last user has taken s out of its place before
		s.used.Store(l.Now().UnixNano())
		if which.Version != 0 && s != p.champion {
			s.asked.Store(true)
		}
	}
	return s
}

// resolve returns the number of the version that is meant.
func (l *Live) resolve(ctx context.Context, model string, which Which) (int, error) {
	m, err := l.Catalog.Model(ctx, model)
	if err != nil {
		return 0, err
	}
	if which.Version != 0 {
		return which.Version, nil
	}
	if version, ok := m.Labels[which.Label]; ok {
		return version, nil
	}
	c, err := l.Shelf.Champion(ctx, model)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	l.note(c)
	l.mu.Unlock()
	switch {
	case which.Label == "", which.Label == LabelChampion:
		return c.Version, nil
	case which.Label == LabelPrevious && c.Previous != 0:
		return c.Previous, nil
	}
	names := slices.Sorted(maps.Keys(m.Labels))
	return 0, Errorf(NotFoundError, "model %q has no version labelled %q", model, which.Label).
		WithHint("%s", known("labels besides champion and previous", names))
}

// Version returns the version of a model that answers now, 0 for none.
func (l *Live) Version(model string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if p := l.places[model]; p != nil && p.champion != nil {
		return p.champion.version
	}
	return 0
}

// An Answering is the version of a model that answers.
type Answering struct {
	Model    string
	Manifest *Manifest // must not be changed
	Since    time.Time // when it began to
}

// Answering returns what answers now, by model.
func (l *Live) Answering() []Answering {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]Answering, 0, len(l.places))
	for name, p := range l.places {
		if p.champion != nil {
			list = append(list, Answering{name, p.champion.manifest, p.since})
		}
	}
	slices.SortFunc(list, func(a, b Answering) int { return cmp.Compare(a.Model, b.Model) })
	return list
}

// Loaded returns the versions of a model that are loaded, ascending.
func (l *Live) Loaded(model string) []int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if p := l.places[model]; p != nil {
		return slices.Sorted(maps.Keys(p.loaded))
	}
	return nil
}

// Serving returns the models that can answer, sorted.
func (l *Live) Serving() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	names := make([]string, 0, len(l.places))
	for name, p := range l.places {
		if p.champion != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Refused returns the versions that this worker does not let answer, by model and version.
func (l *Live) Refused() []Refusal {
	l.mu.RLock()
	defer l.mu.RUnlock()
	refused := []Refusal{}
	for _, p := range l.places {
		for _, r := range p.refused {
			refused = append(refused, *r)
		}
	}
	slices.SortFunc(refused, func(a, b Refusal) int { return cmp.Or(cmp.Compare(a.Model, b.Model), a.Version-b.Version) })
	return refused
}

// Ready reports whether every champion that existed at the first complete look was loaded, or waits to be asked because there is
// no room for it. What is refused later does not change it: the version before goes on.
func (l *Live) Ready() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.ready
}
