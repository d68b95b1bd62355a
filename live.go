package retrain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// An EventType names what happened. It is stored in the stream: never change a value.
type EventType string

// The events.
const (
	RunEnded      EventType = "run-ended"      // a run has its verdict
	ChampionMoved EventType = "champion-moved" // a person promoted or rolled back
	SpecsApplied  EventType = "specs-applied"  // something was declared anew
)

// An Event is a hint that something changed; the truth is always in S3.
type Event struct {
	Type    EventType `json:"type"`
	Model   string    `json:"model,omitempty"`
	Run     int       `json:"run,omitempty"`
	State   RunState  `json:"state,omitempty"`
	Version int       `json:"version,omitempty"`
	At      time.Time `json:"at"`
	Error   *Error    `json:"error,omitempty"`
}

// An Announcer tells everybody who follows.
type Announcer interface {
	Announce(ctx context.Context, e Event) error
}

// A Follower reads what is announced.
type Follower interface {
	// Events yields what is announced from now on, until ctx ends. It begins with a zero Event once it is connected, and yields
	// another after every gap: whoever reads the truth then has missed nothing. It goes on after yielding an error.
	Events(ctx context.Context) iter.Seq2[Event, error]
}

// A Shelf is where predictors find versions.
type Shelf interface {
	// Champion returns a model's pointer, or a ModelNotTrainedError.
	Champion(ctx context.Context, model string) (Champion, error)
	// Fetch copies a version's files into dir and checks every digest.
	Fetch(ctx context.Context, model string, version int, dir string) (Version, error)
}

// A Prediction is the answer to one record.
type Prediction struct {
	Prediction    any                `json:"prediction"` // a number, a class, or a list of numbers for several targets
	Confidence    *float64           `json:"confidence,omitempty"`
	Probabilities map[string]float64 `json:"probabilities,omitempty"` // by class
	Interval      *[2]float64        `json:"interval,omitempty"`
}

// A Servable is a loaded version. It answers many goroutines at once.
type Servable interface {
	// Predict answers records in their order, or returns a DataValidationError that names what is missing.
	Predict(ctx context.Context, records []Record) ([]Prediction, error)
	// Close frees it; nobody may be predicting any more.
	Close() error
}

// A Forecaster is a Servable of a time series.
type Forecaster interface {
	// Forecast returns the next steps values after the latest records, in the order of time, at least as many as its lookback.
	Forecast(ctx context.Context, latest []Record, steps int) ([]Prediction, error)
}

// Live keeps the champions of all models loaded, and replaces them while they answer.
type Live struct {
	Catalog *Catalog
	Shelf   Shelf
	Events  Follower
	Load    func(v Version) (Servable, error) // loads and warms
	Dir     string                            // for the versions' files
	Poll    time.Duration                     // how often the pointers are read again, whatever the events say
	Now     func() time.Time
	Log     *slog.Logger

	mu      sync.RWMutex // guards the following three fields
	serves  map[string]*serving
	ready   bool
	swapped chan struct{} // closed at the next swap; nil while nobody waits for it

	leaving sync.WaitGroup // versions that are drained
}

// A serving is one version at work and those who use it.
type serving struct {
	Servable
	version int
	dir     string
	users   sync.WaitGroup
}

// Run follows the champions until ctx ends, and closes everything then.
func (l *Live) Run(ctx context.Context) error {
	defer l.close()
	changed := make(chan string, 1) // "" stands for all models
	go l.follow(ctx, changed)
	poll := time.NewTicker(l.Poll)
	defer poll.Stop()
	const soon = time.Second
	retry, pause := (<-chan time.Time)(nil), soon // after a refresh that left something to load; less and less often
	model := ""
	for {
		switch complete := l.refresh(ctx, model); {
		case !complete && retry == nil:
			retry, pause = time.After(pause), min(2*pause, l.Poll)
		case complete && model == "":
			retry, pause = nil, soon
		}
		select {
		case <-ctx.Done():
			return nil
		case model = <-changed:
		case <-retry:
			model, retry = "", nil
		case <-poll.C:
			model = ""
		}
	}
}

// follow turns events into names of models to look at.
func (l *Live) follow(ctx context.Context, changed chan<- string) {
	for e, err := range l.Events.Events(ctx) {
		name := e.Model
		if err != nil {
			l.Log.WarnContext(ctx, "events", "err", err)
			name = ""
		}
		if e.Type == SpecsApplied {
			l.Catalog.Forget()
		}
		select {
		case changed <- name:
		case <-ctx.Done():
			return
		}
	}
}

// refresh brings one model, or all, to what the pointers in S3 say, and reports whether nothing is left to load. It becomes
// ready when that is so of all.
func (l *Live) refresh(ctx context.Context, model string) (complete bool) {
	names := []string{model}
	if model == "" {
		specs, err := l.Catalog.Specs(ctx)
		if err != nil {
			l.Log.WarnContext(ctx, "read the models", "err", err)
			return false
		}
		names = names[:0]
		for _, m := range specs.Models {
			names = append(names, m.Name)
		}
	}
	complete = true
	for _, name := range names {
		if err := l.converge(ctx, name); err != nil && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "the old version goes on", "model", name, "err", err)
			complete = false
		}
	}
	if model == "" && complete {
		l.mu.Lock()
		l.ready = true
		l.mu.Unlock()
	}
	return complete
}

// converge makes the champion the version that answers: fetch, load, swap, drain the old.
func (l *Live) converge(ctx context.Context, model string) error {
	c, err := l.Shelf.Champion(ctx, model)
	if errors.Is(err, ModelNotTrainedError) {
		return nil
	} else if err != nil {
		return err
	}
	if l.Version(model) == c.Version {
		return nil
	}
	next, err := l.load(ctx, model, c.Version)
	if err != nil {
		return fmt.Errorf("load version %d: %w", c.Version, err)
	}
	l.swap(model, next)
	l.Log.InfoContext(ctx, "serving", "model", model, "version", c.Version)
	return nil
}

func (l *Live) load(ctx context.Context, model string, version int) (*serving, error) {
	if err := os.MkdirAll(l.Dir, 0o750); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(l.Dir, model+"-"+strconv.Itoa(version)+"-")
	if err != nil {
		return nil, err
	}
	v, err := l.Shelf.Fetch(ctx, model, version, filepath.Join(dir, "version"))
	if err == nil {
		var s Servable
		if s, err = l.Load(v); err == nil {
			return &serving{Servable: s, version: version, dir: dir}, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

// swap puts next in the place of the version that answers now. The old one is freed when its last user has left.
func (l *Live) swap(model string, next *serving) {
	l.mu.Lock()
	if l.serves == nil {
		l.serves = make(map[string]*serving)
	}
	old := l.serves[model]
	l.serves[model] = next
	if l.swapped != nil {
		close(l.swapped)
		l.swapped = nil
	}
	l.mu.Unlock()
	if old != nil {
		l.leaving.Go(func() { l.free(old) })
	}
}

func (l *Live) free(s *serving) {
	s.users.Wait()
	if err := errors.Join(s.Close(), os.RemoveAll(s.dir)); err != nil {
		l.Log.Warn("free", "version", s.version, "err", err)
	}
}

func (l *Live) close() {
	l.mu.Lock()
	serves := l.serves
	l.serves = nil
	l.mu.Unlock()
	for _, s := range serves {
		l.free(s)
	}
	l.leaving.Wait()
}

// Predict answers records with the model's version of this moment, which it returns. Errors: ModelNotFoundError,
// ModelNotTrainedError, DataValidationError, and UnavailableError as long as not every champion was loaded.
func (l *Live) Predict(ctx context.Context, model string, records []Record) ([]Prediction, int, error) {
	s, err := l.use(ctx, model)
	if err != nil {
		return nil, 0, err
	}
	defer s.users.Done()
	predictions, err := s.Predict(ctx, records)
	return predictions, s.version, err
}

// Forecast answers with the next steps values of a time series, as Predict does. A model of another type is a PredictionError.
func (l *Live) Forecast(ctx context.Context, model string, latest []Record, steps int) ([]Prediction, int, error) {
	s, err := l.use(ctx, model)
	if err != nil {
		return nil, 0, err
	}
	defer s.users.Done()
	f, ok := s.Servable.(Forecaster)
	if !ok {
		return nil, s.version, Errorf(PredictionError, "model %q has no forecast", model)
	}
	predictions, err := f.Forecast(ctx, latest, steps)
	return predictions, s.version, err
}

// How long a question waits for a version that is on its way: fetched, loaded and warmed.
const loadPatience = 5 * time.Second

// use returns the version that answers now; its users must be told when it is done with. A model whose first version has just
// been published, or that this worker is about to load, is waited for.
func (l *Live) use(ctx context.Context, model string) (*serving, error) {
	if s := l.hold(model); s != nil {
		return s, nil
	}
	if _, err := l.Catalog.Model(ctx, model); err != nil {
		return nil, err
	}
	champion, err := l.Shelf.Champion(ctx, model)
	if err != nil {
		return nil, err
	}
	for patience := time.After(loadPatience); ; {
		swapped := l.nextSwap()
		if s := l.hold(model); s != nil {
			return s, nil
		}
		select {
		case <-swapped:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-patience:
			return nil, Errorf(UnavailableError, "version %d of model %q is not loaded yet", champion.Version, model).WithHint("try again; the log of the prediction worker says what holds it up")
		}
	}
}

// hold returns the version of a model that answers now, nil for none.
func (l *Live) hold(model string) *serving {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := l.serves[model]
	if s != nil {
		s.users.Add(1) // under the lock: whoever waits for the last user has taken s out of the map before
	}
	return s
}

// nextSwap returns a channel that is closed when a version begins to answer.
func (l *Live) nextSwap() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.swapped == nil {
		l.swapped = make(chan struct{})
	}
	return l.swapped
}

// Version returns the version of a model that answers now, 0 for none.
func (l *Live) Version(model string) int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if s := l.serves[model]; s != nil {
		return s.version
	}
	return 0
}

// Serving returns the models that can answer, sorted.
func (l *Live) Serving() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	names := make([]string, 0, len(l.serves))
	for name := range l.serves {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Ready reports whether every champion that existed at the last look was loaded.
func (l *Live) Ready() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.ready
}
