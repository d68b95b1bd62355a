package retrain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// A Shelf is where predictors find versions.
type Shelf interface {
	// Champion returns a model's pointer, or a ModelNotTrainedError.
	Champion(ctx context.Context, model string) (Champion, error)
	// Fetch copies a version's files into dir and checks every digest. It returns a NotFoundError for a version that is not published
	// or lacks a file, and a DataValidationError for a file that is damaged.
	Fetch(ctx context.Context, model string, version int, dir string) (Version, error)
	// Stamp returns what changes whenever a file of a version does, and "" where there is none.
	Stamp(ctx context.Context, model string, version int) (string, error)
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
	// Predict answers records in their order, or returns a DataValidationError that names what is missing, an OverloadedError where
	// too many wait already, or the cause of ctx's end where that came before the answer was computed.
	Predict(ctx context.Context, records []Record) ([]Prediction, error)
	// Size returns about how many bytes of memory it takes.
	Size() int64
	// Close frees it; nobody may be predicting any more.
	Close() error
}

// A JSONServable is a Servable that reads the commonest requests itself and writes their answers, which is much faster than making
// records and predictions of them.
type JSONServable interface {
	Servable
	// AnswerJSON answers the records of {"instances":[…]} as Predict does: it appends {"predictions":[…]}, their values alone, and a
	// line's end to out, and returns how many they are. It reports false for what it does not read: more records than most, or anything
	// unusual or wrong. What is behind out's length then, or beside an error, means nothing.
	AnswerJSON(ctx context.Context, text []byte, most int, out []byte) (answer []byte, rows int, ok bool, err error)
}

// A Forecaster is a Servable of a time series.
type Forecaster interface {
	// Forecast returns the next steps values after the latest records, in the order of time, at least as many as its lookback.
	Forecast(ctx context.Context, latest []Record, steps int) ([]Prediction, error)
}

// Live keeps the champions of all models loaded, and replaces them while they answer. What happens to a version:
//
//	its pointer moved → fetched, digests checked → loaded, warmed, checked by its examples → it answers, the one before stays warm
//	                                 ↘ something is wrong with it: refused, the one before goes on
//
// Run only reads pointers and begins loads, which are goroutines of their own: a rollback to a version that is warm waits for
// nothing. Questions come in by Use (using.go), loads are in loading.go, and room.go says which versions stay.
type Live struct {
	Catalog *Catalog
	Shelf   Shelf
	Events  Follower
	Tell    Announcer                         // is told of refused versions; nil: nobody is
	Load    func(v Version) (Servable, error) // loads, warms and checks; the files may go when it returns
	Dir     string                            // for the versions' files, while they are loaded
	Memory  int64                             // bytes that loaded versions may take: beyond it those asked longest ago go, and come back when asked; 0: no limit
	Poll    time.Duration                     // how often the pointers are read again, whatever the events say
	Tracer  Tracer                            // nil: nothing is followed
	Now     func() time.Time
	Log     *slog.Logger

	mu      sync.RWMutex      // guards the following fields and what they hold
	places  map[string]*place // by model
	size    int64             // of all that is loaded
	running bool
	known   bool // every pointer was read
	ready   bool

	turn    sync.Mutex     // of loading
	loads   sync.WaitGroup // versions on their way
	leaving sync.WaitGroup // versions that are drained
}

// A place is what a worker has of one model.
type place struct {
	pointer  Champion         // as it was read last
	champion *serving         // what answers; nil before the first version, and where there is no room for it
	since    time.Time        // when it began to
	loaded   map[int]*serving // by version, the champion among them
	loading  map[int]*loading
	refused  map[int]*Refusal
	gone     bool // the model is disposed of: nothing comes here any more
	deferred bool // there was no room for the champion: it is loaded when somebody asks
}

// Run follows the champions until ctx ends, and closes everything then.
func (l *Live) Run(ctx context.Context) error {
	l.open()
	defer l.close()
	moved := make(chan string, 1) // "" stands for all models
	go l.follow(ctx, moved)
	poll := time.NewTicker(l.Poll)
	defer poll.Stop()
	const soon = time.Second
	retry, pause := (<-chan time.Time)(nil), soon // after a look that left something to do; less and less often
	model := ""
	for {
		switch complete := l.look(ctx, model); {
		case !complete && retry == nil:
			retry, pause = time.After(pause), min(2*pause, l.Poll)
		case complete && model == "":
			retry, pause = nil, soon
		}
		select {
		case <-ctx.Done():
			return nil
		case model = <-moved:
		case <-retry:
			model, retry = "", nil
		case <-poll.C:
			model = ""
		}
	}
}

// follow turns events into names of models to look at.
func (l *Live) follow(ctx context.Context, moved chan<- string) {
	for e, err := range l.Events.Events(ctx) {
		name := e.Model
		if err != nil {
			l.Log.WarnContext(ctx, "events", "err", err)
			name = ""
		}
		if e.Type == SpecsApplied {
			l.Catalog.Forget()
			name = ""
		}
		select {
		case moved <- name:
		case <-ctx.Done():
			return
		}
	}
}

// look brings one model, or all, to what the pointers in S3 say, and reports whether nothing is left to do.
func (l *Live) look(ctx context.Context, model string) (complete bool) {
	names := []string{model}
	if model == "" {
		var err error
		if names, err = l.Catalog.Names(ctx); err != nil {
			l.Log.WarnContext(ctx, "read the models", "err", err)
			return false
		}
		l.leave(ctx, names)
	}
	complete = true
	known := model == ""
	for _, name := range names {
		settled, err := l.converge(ctx, name)
		if err != nil && ctx.Err() == nil {
			l.Log.WarnContext(ctx, "read the champion", "model", name, "err", err)
		}
		complete, known = complete && settled, known && err == nil
	}
	if known {
		l.mu.Lock()
		l.known = true
		l.nowReady()
		l.mu.Unlock()
	}
	return complete
}

// converge makes the version that the pointer names answer, or sets it on its way, and the one before it, which stays warm. It
// reports whether nothing is left to do.
func (l *Live) converge(ctx context.Context, model string) (settled bool, err error) {
	c, err := l.Shelf.Champion(ctx, model)
	if errors.Is(err, ModelNotTrainedError) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	settled = true
	for _, version := range l.wanted(c) {
		settled = false
		if !l.mayHaveChanged(ctx, model, version) {
			continue
		}
		way := l.load(ctx, model, version)
		if l.Memory > 0 && l.Version(model) == 0 { // what it takes decides whether there is room for the next model
			<-way.done
		}
	}
	return settled, nil
}

// wanted notes where a pointer stands, which makes its version answer where it is warm, and returns the versions that should be
// here and are not.
func (l *Live) wanted(c Champion) (missing []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.note(c)
	for _, version := range []int{c.Version, c.Previous} {
		if version == 0 || p.loaded[version] != nil {
			continue
		}
		nobodyWaits := p.champion == nil || version == c.Previous
		if nobodyWaits && l.full() {
			p.deferred = p.deferred || version == c.Version
			continue
		}
		missing = append(missing, version)
	}
	l.nowReady()
	return missing
}

// note puts down where a pointer stands, unless it was further already. l.mu is held.
func (l *Live) note(c Champion) *place {
	p := l.place(c.Model)
	if c.Sequence >= p.pointer.Sequence {
		p.pointer = c
	}
	l.swap(p)
	return p
}

// swap makes the version that the pointer names answer, if it is loaded. Where it is refused and nothing answers, which is so
// after a start, the one before it does. l.mu is held.
func (l *Live) swap(p *place) {
	next := p.loaded[p.pointer.Version]
	if next == nil && p.champion == nil && p.refused[p.pointer.Version] != nil {
		next = p.loaded[p.pointer.Previous]
	}
	if next != nil && next != p.champion {
		p.champion = next
		p.since = l.Now()
		l.Log.Info("serving", "model", p.pointer.Model, "version", next.version)
		l.makeRoom()
		l.nowReady()
	}
}

// nowReady looks whether every champion answers. l.mu is held.
func (l *Live) nowReady() {
	if l.ready || !l.known {
		return
	}
	for _, p := range l.places {
		answers := p.champion != nil && p.champion.version == p.pointer.Version
		if p.pointer.Version != 0 && !answers && !p.deferred {
			return
		}
	}
	l.ready = true
}
