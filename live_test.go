package retrain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"retrain"
)

// A shelf holds the champions of a test, and the events that tell of them.
type shelf struct {
	mu        sync.Mutex
	champions map[string]retrain.Champion
	broken    map[int]bool
	down      bool           // nothing can be fetched
	stamps    map[int]string // of files that were changed
	names     []string       // of models
	events    chan retrain.Event
}

func (s *shelf) Champion(_ context.Context, model string) (retrain.Champion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.champions[model]; ok {
		return c, nil
	}
	return retrain.Champion{}, retrain.Errorf(retrain.ModelNotTrainedError, "%s", model)
}

func (s *shelf) Fetch(_ context.Context, model string, version int, dir string) (retrain.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case version > 50:
		return retrain.Version{}, retrain.Errorf(retrain.NotFoundError, "no version %d", version)
	case s.down:
		return retrain.Version{}, retrain.Errorf(retrain.UnavailableError, "S3 does not answer")
	case s.broken[version]:
		return retrain.Version{}, retrain.Errorf(retrain.DataValidationError, "digest differs")
	}
	return retrain.Version{Dir: dir, Manifest: &retrain.Manifest{Model: model, Version: version}}, nil
}

func (s *shelf) Stamp(_ context.Context, _ string, version int) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "first" + s.stamps[version], nil
}

// set changes something under the lock.
func (s *shelf) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// publish moves a pointer, and announces it where the hint is not to be lost.
func (s *shelf) publish(model string, version int, announce bool) {
	s.mu.Lock()
	s.champions[model], _ = s.champions[model].Moved(version, time.Time{}, "")
	c := s.champions[model]
	c.Model = model
	s.champions[model] = c
	s.mu.Unlock()
	if announce {
		s.events <- retrain.Event{Type: retrain.RunEnded, Model: model, Version: version}
	}
}

func (s *shelf) Events(ctx context.Context) iter.Seq2[retrain.Event, error] {
	return func(yield func(retrain.Event, error) bool) {
		if !yield(retrain.Event{}, nil) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-s.events:
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

func (s *shelf) Specs(context.Context) (retrain.Specs, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var specs retrain.Specs
	for _, name := range s.names {
		specs.Models = append(specs.Models, &retrain.Model{Name: name, Labels: map[string]int{"oldest": 1}})
	}
	return specs, nil
}

// A servable answers with its version, and notices when it is used after its end.
type servable struct {
	version int
	closed  atomic.Bool
	gate    chan struct{} // answers wait for it; nil: they don't
}

func (s *servable) Predict(context.Context, []retrain.Record) ([]retrain.Prediction, error) {
	if s.gate != nil {
		<-s.gate
	}
	if s.closed.Load() {
		return nil, fmt.Errorf("version %d answers after its end", s.version)
	}
	return []retrain.Prediction{{Prediction: float64(s.version)}}, nil
}

func (s *servable) Size() int64 { return 100 }

func (s *servable) Close() error { s.closed.Store(true); return nil }

// A stage is a Live with everything around it.
type stage struct {
	*retrain.Live
	*shelf
	gate   chan struct{}
	mu     sync.Mutex
	loaded []*servable
	told   []retrain.Event
}

func newStage(t *testing.T) *stage {
	s := &stage{shelf: &shelf{names: []string{"price", "untrained"}, champions: map[string]retrain.Champion{}, broken: map[int]bool{}, stamps: map[int]string{}, events: make(chan retrain.Event)}}
	s.Live = &retrain.Live{
		Catalog: &retrain.Catalog{Store: s.shelf, Now: time.Now}, Shelf: s.shelf, Events: s.shelf,
		Tell: s, Load: s.load, Dir: t.TempDir(), Poll: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	return s
}

func (s *stage) load(v retrain.Version) (retrain.Servable, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := &servable{version: v.Manifest.Version, gate: s.gate}
	s.loaded = append(s.loaded, got)
	return got, nil
}

// Announce implements retrain.Announcer.
func (s *stage) Announce(_ context.Context, e retrain.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, e)
	return nil
}

// start runs Live, and returns what ends it and looks whether all was freed.
func (s *stage) start(t *testing.T) (end func()) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, v := range s.loaded {
			if !v.closed.Load() {
				t.Errorf("version %d was never freed", v.version)
			}
		}
	}
}

func (s *stage) answer(t *testing.T) int {
	t.Helper()
	p, version, err := s.Predict(t.Context(), "price", []retrain.Record{{}})
	if err != nil {
		t.Error(err)
	} else if p[0].Prediction != float64(version) {
		t.Errorf("version %d says it is %v", version, p[0].Prediction)
	}
	return version
}

// play runs a test in virtual time with Live at work.
func play(t *testing.T, act func(t *testing.T, s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		end := s.start(t)
		act(t, s)
		end()
	})
}

func TestLiveFollowsEvents(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		synctest.Wait()
		if _, _, err := s.Predict(t.Context(), "price", nil); !errors.Is(err, retrain.ModelNotTrainedError) {
			t.Errorf("before the first version: %v", err)
		}
		if _, _, err := s.Predict(t.Context(), "prise", nil); !errors.Is(err, retrain.ModelNotFoundError) {
			t.Errorf("a model that is not declared: %v", err)
		}
		if !s.Ready() {
			t.Error("not ready, though there is nothing to load")
		}
		for version := 1; version <= 3; version++ {
			s.publish("price", version, true)
			synctest.Wait()
			if got := s.answer(t); got != version {
				t.Errorf("version %d answers, want %d", got, version)
			}
		}
	})
}

// A question that comes between the publishing of the first version and its loading is answered, not refused.
func TestLiveWaitsForTheFirstVersion(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		synctest.Wait()
		s.publish("price", 1, false)
		answered := make(chan int)
		go func() { answered <- s.answer(t) }()
		synctest.Wait() // the question waits
		s.events <- retrain.Event{Type: retrain.RunEnded, Model: "price", Version: 1}
		if got := <-answered; got != 1 {
			t.Errorf("version %d answers, want 1", got)
		}
	})
}

// A version that cannot be loaded is waited for a moment only.
func TestLiveDoesNotWaitForEver(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.broken[1] = true
		s.publish("price", 1, true)
		if _, _, err := s.Predict(t.Context(), "price", []retrain.Record{{}}); !errors.Is(err, retrain.UnavailableError) {
			t.Errorf("a version that cannot be loaded: %v", err)
		}
	})
}

func TestLiveHealsALostEvent(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 7, false)
		time.Sleep(61 * time.Second) // of virtual time
		if got := s.answer(t); got != 7 {
			t.Errorf("version %d answers, want 7", got)
		}
	})
}

// Whoever asks a worker that has not loaded anything yet waits, and is then told to come again, not that there is nothing.
func TestLiveSaysThatItStillLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t) // which does not run
		s.publish("price", 1, false)
		if _, _, err := s.Predict(t.Context(), "price", nil); s.Ready() || !errors.Is(err, retrain.UnavailableError) {
			t.Errorf("ready %v, %v, want an UnavailableError", s.Ready(), err)
		}
	})
}

func TestLiveTriesAgainSoon(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.set(func() { s.down = true })
		s.publish("price", 1, true)
		synctest.Wait()
		if s.Version("price") != 0 || len(s.Refused()) > 0 { // it may be ready: the first look may have been before there was a champion
			t.Errorf("version %d answers, refused %v, though it is S3's fault", s.Version("price"), s.Refused())
		}
		s.set(func() { s.down = false })
		time.Sleep(3 * time.Second) // of virtual time, much less than Poll
		if got := s.answer(t); got != 1 || !s.Ready() {
			t.Errorf("version %d answers, want 1; ready: %v", got, s.Ready())
		}
	})
}

func TestLiveKeepsTheOldWhenTheNewIsBroken(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 1, true)
		synctest.Wait()
		s.shelf.mu.Lock()
		s.broken[2] = true
		s.shelf.mu.Unlock()
		s.publish("price", 2, true)
		synctest.Wait()
		if got := s.answer(t); got != 1 {
			t.Errorf("version %d answers, want 1", got)
		}
		s.publish("price", 3, true)
		synctest.Wait()
		if got := s.answer(t); got != 3 {
			t.Errorf("version %d answers, want 3", got)
		}
	})
}

// An answer that began on the old version ends on it, however long it takes; new ones don't wait for it.
func TestLiveDrainsBeforeItFrees(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.gate = make(chan struct{})
		s.publish("price", 1, true)
		synctest.Wait()
		slow := make(chan int)
		go func() { slow <- s.answer(t) }()
		synctest.Wait()
		s.gate = nil
		s.publish("price", 2, true)
		synctest.Wait()
		if got := s.answer(t); got != 2 {
			t.Errorf("version %d answers, want 2", got)
		}
		if s.loaded[0].closed.Load() {
			t.Error("version 1 was freed under a running answer")
		}
		close(s.loaded[0].gate)
		if got := <-slow; got != 1 {
			t.Errorf("the slow answer came from version %d, want 1", got)
		}
	})
}

func TestLiveSwapsUnderLoad(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 1, true)
		synctest.Wait()
		var callers sync.WaitGroup
		stop := make(chan struct{})
		for range 8 {
			callers.Go(func() {
				last := 0
				for {
					select {
					case <-stop:
						return
					default:
					}
					version := s.answer(t)
					if version < last {
						t.Errorf("version %d after %d", version, last)
					}
					last = version
				}
			})
		}
		for version := 2; version <= 50; version++ {
			s.publish("price", version, true)
		}
		close(stop)
		callers.Wait()
	})
}

// A model that is disposed of is not served any more, and what was loaded of it is freed.
func TestLiveLeavesAModelThatIsDisposedOf(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.publish("price", 1, true)
		synctest.Wait()
		if got := s.answer(t); got != 1 {
			t.Fatalf("version %d answers, want 1", got)
		}
		s.set(func() { s.names = []string{"untrained"} })
		s.events <- retrain.Event{Type: retrain.SpecsApplied}
		synctest.Wait()
		if _, err := s.Use(t.Context(), "price", retrain.Which{}); !errors.Is(err, retrain.ModelNotFoundError) {
			t.Errorf("got %v", err)
		}
		if len(s.Serving()) > 0 || !s.loaded[0].closed.Load() {
			t.Errorf("serving %v, freed %v", s.Serving(), s.loaded[0].closed.Load())
		}
		s.set(func() { s.names = []string{"price", "untrained"} })
		s.events <- retrain.Event{Type: retrain.SpecsApplied}
		s.publish("price", 2, true)
		synctest.Wait()
		if got := s.answer(t); got != 2 {
			t.Errorf("version %d answers, want 2", got)
		}
	})
}
