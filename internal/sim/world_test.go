package sim

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
	"retrain/tasks/taskstest"
)

// A world is one story: the servers, the processes, those who use them, and what they were told.
type world struct {
	*schedule
	t     *testing.T
	vault *vault
	redis *taskstest.Server
	saved *taskstest.Server // an old state of it
	live  *retrain.Live     // of the predictor that lives

	diverges bool          // some data cannot be learnt
	slice    time.Duration // how long a slice of a fit takes
	fits     []*fitting    // that are under way

	nodes   map[string]*node // that live, by name
	at      sync.WaitGroup   // all that goes on
	quiet   context.Context  //nolint:containedctx // ends when clients and faults do
	hush    context.CancelFunc
	acked   map[string]string // batch by row
	sent    map[string][]retrain.Record
	jumps   bool // a clock has jumped
	harmed  bool // Redis has lost something
	broken  []string
	batches int

	absorbed int // absorptions, at the end
}

func models() []*retrain.Model {
	names := func(m *retrain.Model) *retrain.Model {
		m.Type, m.Resource, m.Features, m.Target, m.AutoTrain = retrain.Regression, "items", []string{"x"}, retrain.Names{"y"}, true
		return m
	}
	return []*retrain.Model{
		names(&retrain.Model{Name: "all", TrainAfterInserts: 20, Keep: 1}),
		names(&retrain.Model{Name: "clock", TrainInterval: retrain.Duration(15 * time.Second), TrainAfterInserts: 40}),
		names(&retrain.Model{Name: "east", TrainAfterInserts: 8, MinTrainingSamples: 12, Keep: 1, Promote: retrain.Promote{Rule: "improve", Metric: "mae"},
			Partition: &retrain.PartitionRef{Name: "bySide", Values: map[string]any{"side": "east"}}}),
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{schedule: newSchedule(seed), t: t, redis: new(taskstest.Server), nodes: make(map[string]*node), acked: make(map[string]string),
		sent: make(map[string][]retrain.Record)}
	w.vault = &vault{Memory: new(s3io.Memory), world: w, runs: make(map[string]map[int]*written), champions: make(map[string]retrain.Champion)}
	w.quiet, w.hush = context.WithCancel(context.Background())
	w.diverges, w.slice = w.random.IntN(3) == 0, time.Duration(50+w.random.IntN(1500))*time.Millisecond
	if w.random.IntN(4) == 0 { // long enough to be noticed where nobody should be
		w.slice += 4 * time.Second
	}
	w.apply(models())
	return w
}

var items = retrain.Resource{Name: "items", Partitions: map[string][]string{"bySide": {"side"}}}

func (w *world) apply(ms []*retrain.Model) {
	specs := retrain.Specs{Resources: []retrain.Resource{items}, Models: ms}
	if _, _, err := (&s3io.Specs{Bucket: w.vault.Memory}).Apply(context.Background(), specs); err != nil {
		w.t.Fatal(err)
	}
}

var names = []string{"predictor-1", "producer-1", "producer-2", "scheduler-1", "scheduler-2", "trainer-1", "trainer-2"}

// birth starts a process.
func (w *world) birth(name string) {
	n := w.node(name)
	w.mu.Lock()
	w.nodes[name] = n
	w.mu.Unlock()
	w.at.Go(func() {
		switch strings.Split(name, "-")[0] {
		case "scheduler":
			n.schedules()
		case "trainer":
			n.trains()
		case "predictor":
			n.predicts(w.t.TempDir())
		}
	})
}

// alive returns a process, nil where it is dead.
func (w *world) alive(name string) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[name]
}

// client inserts batches, each until it is acknowledged.
func (w *world) client(number int, r *rand.Rand) {
	for i := 0; sleep(w.quiet, time.Duration(r.IntN(6000))*time.Millisecond); i++ {
		b := retrain.Batch{ID: fmt.Sprint("batch-", number, "-", i), Resource: "items", At: time.Now()}
		for k := range 1 + r.IntN(9) {
			b.Records = append(b.Records, retrain.Record{"id": fmt.Sprint(b.ID, "-", k), "x": float64(k), "y": float64(k), "side": []string{"east", "west"}[r.IntN(2)]})
		}
		w.mu.Lock()
		w.sent[b.ID] = b.Records
		w.mu.Unlock()
		for try := r.IntN(2); w.quiet.Err() == nil; try++ {
			if n := w.alive(fmt.Sprint("producer-", 1+try%2)); n != nil {
				if _, err := n.inserter().Insert(n.ctx, b); err == nil {
					w.acknowledge(b)
					break
				}
			}
			if r.IntN(10) == 0 || !sleep(w.quiet, 500*time.Millisecond) {
				break // nobody knows what became of it
			}
		}
	}
}

func (w *world) acknowledge(b retrain.Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range b.Records {
		w.acked[r.ID()] = b.ID
	}
	w.batches++
}

// person asks for trainings and moves champions, now and then.
func (w *world) person(r *rand.Rand) {
	for sleep(w.quiet, time.Duration(r.IntN(12000))*time.Millisecond) {
		n := w.alive("producer-1")
		model := []string{"all", "clock", "east"}[r.IntN(3)]
		if n == nil {
			continue
		}
		switch r.IntN(4) {
		case 0, 1:
			n.train(model)
			continue
		case 2:
			n.cancelOne(model)
			continue
		}
		version := 1 + r.IntN(4)
		_, _ = n.shelf.MoveChampion(n.ctx, model, func(c retrain.Champion) (retrain.Champion, bool) { return c.Moved(version, n.now(), "by hand") })
	}
}

// train requests a run by hand, as the programs do.
func (n *node) train(model string) {
	m, err := n.catalog.Model(n.ctx, model)
	if err != nil {
		return
	}
	if s, err := n.ledger.State(n.ctx, model); err == nil {
		_ = n.request(n.ctx, m, s, retrain.ByHand) // the person tries again another time
	}
}

// cancelOne cancels the open run of a model.
func (n *node) cancelOne(model string) {
	s, err := n.ledger.State(n.ctx, model)
	if err != nil || s.Running == 0 && s.Queued == 0 {
		return
	}
	e := &retrain.Endings{Catalog: n.catalog, Runs: n.runs, Registry: n.shelf, Ledger: n.ledger, Leases: n.leases, Queue: n.queue, Events: n.stream,
		Now: n.now, Log: discard}
	id := retrain.RunID{Model: model, Number: cmp.Or(s.Running, s.Queued)}
	if r, err := e.Cancel(n.ctx, id, "a person"); err == nil && r.State != retrain.Cancelled {
		n.brokenf("%s was cancelled, and is %s", id, r.State)
	}
}

// faults plans what goes wrong.
func (w *world) faults(length time.Duration) {
	r := w.random
	for range r.IntN(9) {
		name := names[r.IntN(len(names))]
		if r.IntN(3) == 0 {
			name = names[5+r.IntN(2)] // a trainer
		}
		d := time.Duration(r.Int64N(int64(8 * time.Second)))
		kinds := []func(){
			func() { w.die(name, d) }, func() { w.die(name, d) }, func() { w.die(name, d) },
			func() { w.stand(name, d+time.Second) }, func() { w.stand(name, d+time.Second) },
			func() { w.cutOff(name, "redis", d) }, func() { w.cutOff(name, "s3", d) },
			func() { w.redis.Flush(); w.harmed = true },
			w.restore, w.restore,
			func() { w.redis.Again(r.IntN) }, func() { w.redis.Lose(r.IntN) },
			func() { w.jump(name, time.Duration(r.Int64N(int64(20*time.Minute)))-10*time.Minute) },
		}
		labels := []string{"dies", "dies", "dies", "stands still", "stands still", "loses redis", "loses s3", "FLUSHALL", "redis saved or restored",
			"redis saved or restored", "a task comes again", "a task is lost", "its clock jumps"}
		kind := r.IntN(len(kinds))
		w.after(time.Duration(r.Int64N(int64(length))), fmt.Sprintf("%-11s ---- %s, %v", name, labels[kind], d), kinds[kind])
	}
}

func (w *world) die(name string, away time.Duration) {
	n := w.alive(name)
	if n == nil {
		return
	}
	w.kill(n)
	w.mu.Lock()
	delete(w.nodes, name)
	w.mu.Unlock()
	w.after(away, fmt.Sprintf("%-11s ---- lives again", name), func() { w.birth(name) })
}

// stand makes a process stand still: what it has asked for already happens, and what it asks for next comes later.
func (w *world) stand(name string, d time.Duration) {
	if n := w.alive(name); n != nil {
		n.asleep = time.Now().Add(d)
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.parked {
			if c.node == n && c.at.Before(n.asleep) {
				c.at = n.asleep
			}
		}
	}
}

func (w *world) cutOff(name, server string, d time.Duration) {
	if n := w.alive(name); n != nil {
		n.cut[server] = time.Now().Add(d)
	}
}

func (w *world) restore() {
	if w.saved == nil {
		w.saved = w.redis.Save()
		return
	}
	w.redis.Restore(w.saved)
	w.harmed = true
}

func (w *world) jump(name string, by time.Duration) {
	if n := w.alive(name); n != nil {
		n.skew, w.jumps = by, true
	}
}

// heal makes everything work again, and lets the clients go.
func (w *world) heal() {
	w.hush()
	w.fail, w.late, w.plan = 0, 0, nil
	for _, name := range names {
		n := w.alive(name)
		if n == nil {
			w.birth(name)
			continue
		}
		n.skew = 0
		n.asleep = time.Time{}
		clear(n.cut)
	}
	w.tracef("---- all is well")
	ms := models()
	ms[1].TrainInterval = 0
	w.apply(ms)
}

// end lets everything end.
func (w *world) end() {
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		w.kill(w.nodes[name])
	}
	w.at.Wait()
}

// tell plays the story.
func (w *world) tell(seed uint64, length, patience time.Duration) {
	for _, name := range names {
		w.birth(name)
	}
	for i := range 2 {
		w.at.Go(func() { w.client(i, rand.New(rand.NewPCG(seed, uint64(20+i)))) })
	}
	w.at.Go(func() { w.person(rand.New(rand.NewPCG(seed, 30))) })
	w.faults(length)
	w.run(time.Now().Add(length))
	w.heal()
	var err error
	for until := time.Now().Add(patience); ; {
		w.run(time.Now().Add(4 * time.Second))
		if err = w.resting(); err == nil || time.Now().After(until) || len(w.broken) > 0 {
			break
		}
	}
	if err != nil {
		w.brokenf("not at rest: %v", err)
	}
	if len(w.broken) == 0 {
		w.check()
	}
	w.end()
}

func (w *world) brokenf(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.broken = append(w.broken, what)
	w.tracef("BROKEN: %s", what)
}
