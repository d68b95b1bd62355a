package sim

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"retrain"
	"retrain/s3io"
)

var (
	oneSeed   = flag.Uint64("sim.seed", 0, "play this story alone, and show it with -v")
	firstSeed = flag.Uint64("sim.first", 1, "the first seed")
	compacts  = flag.Bool("sim.compact", false, "the schedulers compact the records, far sooner than in life")
	manySeeds = flag.Int("sim.seeds", 150, "how many stories are played")
)

// How long things go wrong in a story, and how long it may then take until nothing is left to do.
const (
	storyLength   = 45 * time.Second
	storyPatience = 25 * time.Minute
)

func TestSim(t *testing.T) {
	warmUp(t)
	if *oneSeed != 0 {
		w := story(t, *oneSeed)
		t.Logf("\n%s", w.trace.String())
		w.tellBroken(*oneSeed)
		return
	}
	var told tally
	began := time.Now()
	t.Run("stories", func(t *testing.T) {
		for seed := *firstSeed; seed < *firstSeed+uint64(*manySeeds); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				if told.enough() {
					return
				}
				w := story(t, seed)
				told.add(w, w.tellBroken(seed))
			})
		}
	})
	took := time.Since(began)
	t.Logf("%d stories, %d steps, %d rows, %d runs in %v: %.0f stories per minute", told.stories, told.steps, told.rows, told.runs, took,
		float64(told.stories)/took.Minutes())
}

// A tally counts what was told.
type tally struct {
	mu                                   sync.Mutex // guards the following
	stories, steps, rows, runs, failures int
}

func (a *tally) add(w *world, broken bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stories, a.steps, a.rows = a.stories+1, a.steps+w.steps, a.rows+len(w.acked)
	for _, runs := range w.vault.runs {
		a.runs += len(runs)
	}
	if broken {
		a.failures++
	}
}

// enough reports whether there is something to look into already.
func (a *tally) enough() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failures > 0
}

func (w *world) tellBroken(seed uint64) bool {
	if len(w.broken) == 0 {
		return false
	}
	w.t.Errorf("seed %d: %s\nuntil then:\n%sreplay: go test ./internal/sim -run TestSim -sim.seed=%d -v", seed, w.broken[0], w.until("BROKEN", 60), seed)
	return true
}

// story plays one.
func story(t *testing.T, seed uint64) (w *world) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(t, seed)
		w.tell(seed, storyLength, storyPatience)
	})
	w.t = t
	return w
}

// warmUp has everything made that lasts longer than a story.
func warmUp(t *testing.T) {
	t.Helper()
	log := &s3io.Records{Bucket: new(s3io.Memory)}
	if _, err := log.Append(context.Background(), retrain.Batch{ID: "a", Resource: "r", Records: []retrain.Record{{"id": "1"}}}); err != nil {
		t.Fatal(err)
	}
	data, err := log.Snapshot(context.Background(), retrain.Resource{Name: "r"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range log.Tables(context.Background(), data) {
	}
}

// The same seed tells the same story, but for what a select of Go's chooses among things that come at the same moment: of a few
// stories two are the same.
func TestAStoryFollowsFromItsSeed(t *testing.T) {
	warmUp(t)
	const few = 4
	for seed := uint64(1); seed <= 5; seed++ {
		told := make(map[uint64]bool)
		for again := false; !again && len(told) < few; {
			w := story(t, seed)
			again = told[w.sum]
			told[w.sum] = true
		}
		if len(told) == few {
			t.Errorf("seed %d: %d stories, and no two are the same", seed, few)
		}
	}
}

// The processes' small files live in memory where that is possible.
func TestMain(m *testing.M) {
	if _, err := os.Stat("/dev/shm"); err == nil && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", "/dev/shm") // then they are on the disk
	}
	os.Exit(m.Run())
}
