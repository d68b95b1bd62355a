// Package s3iotest_test plays histories. It is the only test here: all of them share one bubble, and what libraries keep for later
// must be made within it.
package s3iotest_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"retrain"
	"retrain/s3io"
)

var (
	histories = flag.Int("histories", 150, "random histories of TestHistories")
	history   = flag.Uint64("history", 0, "play the history with this seed alone")
)

// TestHistories plays random histories: programs insert, update, delete, compact, clean and read the same resource at the same time,
// each call of the bucket waits, and a random one goes on; calls fail before they have happened, and after, and programs
// die there. What is read must be what the acknowledged batches make, each record once and in its latest state; batches that
// were neither acknowledged nor refused may be there or not. A failing history is played again by -history=SEED.
func TestHistories(t *testing.T) {
	seeds := make([]uint64, *histories)
	for i := range seeds {
		seeds[i] = uint64(i) + 1
	}
	if *history != 0 {
		seeds = []uint64{*history}
	}
	synctest.Test(t, func(t *testing.T) {
		for _, seed := range seeds {
			w := newWorld(t, seed)
			if err := w.play(); err != nil {
				t.Errorf("-history=%d: %v", seed, err)
				w.end()
				return
			}
		}
	})
}

// A world is one history, in a bubble in which time passes only when everybody waits.
type world struct {
	ctx    context.Context //nolint:containedctx // of the test
	rng    *rand.Rand
	memory *s3io.Memory

	mu       sync.Mutex // guards the following
	stops    []*stop    // calls that wait
	ended    []*program
	programs int // at work
	number   int // of the last program

	batches map[string]*sent
	runs    []*run
	names   int
	risk    int // of a call to fail, in a thousand
}

// A sent batch is certain when somebody was told that it is stored, or that it was before.
type sent struct {
	retrain.Batch

	certain bool
}

// A run keeps a snapshot for long, as trainings do.
type run struct {
	data retrain.Dataset
	want []retrain.Record
}

// A program is something at work. Each of its calls waits until it may go on.
type program struct {
	number int
	dead   bool
	err    error
	after  func(err error) error
}

// A stop is a call that waits, before it happens or after.
type stop struct {
	program *program
	name    string
	goOn    chan error
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &world{ctx: t.Context(), rng: rng, memory: new(s3io.Memory), batches: make(map[string]*sent), risk: []int{0, 5, 30, 100}[rng.IntN(4)]}
}

var errCrash = errors.New("the machine has stopped")

// start begins a program with a process of its own: caches are not shared.
func (w *world) start(do func(log *s3io.Records) error, after func(err error) error) {
	w.number++
	p := &program{number: w.number, after: after}
	call := func(when string) func(op s3io.Op, key string) error {
		return func(op s3io.Op, key string) error {
			s := &stop{p, fmt.Sprint(op, " ", key, " ", when), make(chan error)}
			w.mu.Lock()
			if p.dead {
				w.mu.Unlock()
				return errCrash
			}
			w.stops = append(w.stops, s)
			w.mu.Unlock()
			return <-s.goOn
		}
	}
	log := &s3io.Records{Bucket: &s3io.Faulty{Bucket: w.memory, Before: call("before"), After: call("after")}, Pinned: w.pinned,
		Tuning: s3io.Tuning{Objects: 1 + w.rng.IntN(4), Rows: 8 + w.rng.IntN(60), Grace: time.Hour, Packs: 2 * time.Hour}}
	w.programs++
	go func() {
		p.err = do(log)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = append(w.ended, p)
	}()
}

// step waits until everybody stands still, and lets one call go on.
func (w *world) step() error {
	synctest.Wait()
	w.mu.Lock()
	ended := w.ended
	w.ended = nil
	w.programs -= len(ended)
	slices.SortFunc(ended, func(a, b *program) int { return cmp.Compare(a.number, b.number) })
	slices.SortStableFunc(w.stops, func(a, b *stop) int {
		return cmp.Or(cmp.Compare(a.program.number, b.program.number), cmp.Compare(a.name, b.name))
	})
	w.mu.Unlock()
	for _, p := range ended {
		if err := p.after(p.err); err != nil {
			return err
		}
	}
	for s, err := range w.chosen() {
		s.goOn <- err
	}
	return nil
}

// chosen takes a call that goes on, and what it gets; with a crash, all calls of that program.
func (w *world) chosen() map[*stop]error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.stops) == 0 {
		return nil
	}
	i := w.rng.IntN(len(w.stops))
	s := w.stops[i]
	w.stops = slices.Delete(w.stops, i, i+1)
	if w.rng.IntN(1000) >= w.risk {
		return map[*stop]error{s: nil}
	}
	if w.rng.IntN(2) == 0 {
		return map[*stop]error{s: retrain.Errorf(retrain.UnavailableError, "no answer")}
	}
	s.program.dead = true
	all := map[*stop]error{s: errCrash}
	w.stops = slices.DeleteFunc(w.stops, func(other *stop) bool {
		if other.program == s.program {
			all[other] = errCrash
		}
		return other.program == s.program
	})
	return all
}

// end stops all programs.
func (w *world) end() {
	w.risk = 1 << 30
	for w.programs > 0 {
		_ = w.step()
	}
}

func (w *world) pinned(context.Context, string) (int, error) {
	oldest := 1 << 30
	for _, r := range w.runs {
		oldest = min(oldest, r.data.Generation)
	}
	return oldest, nil
}

var resourceOfHistories = retrain.Resource{Name: "r", Partitions: map[string][]string{"byC": {"c"}, "byCD": {"d", "c"}}}

func (w *world) play() error {
	for range 40 + w.rng.IntN(200) {
		if w.programs < 4 && w.rng.IntN(3) == 0 {
			w.begin()
		}
		if err := w.step(); err != nil {
			return err
		}
		time.Sleep(time.Duration(w.rng.IntN(1000)) * time.Millisecond) // as the bubble knows time
		if w.programs == 0 && w.rng.IntN(6) == 0 {                     // nobody reads for as long as that
			time.Sleep(90 * time.Minute)
		}
	}
	for w.programs > 0 {
		if err := w.step(); err != nil {
			return err
		}
	}
	return w.checkEnd()
}

// begin starts a random program.
func (w *world) begin() {
	switch n := w.rng.IntN(10); {
	case n < 4:
		w.insert(w.newBatch())
	case n < 5: // several at once, and some of them again
		list := []*sent{w.newBatch(), w.newBatch()}
		names := slices.Sorted(maps.Keys(w.batches))
		w.insert(append(list, w.batches[names[w.rng.IntN(len(names))]])...)
	case n < 6 && len(w.batches) > 0: // the same again
		names := slices.Sorted(maps.Keys(w.batches))
		w.insert(w.batches[names[w.rng.IntN(len(names))]])
	case n < 8:
		w.start(func(log *s3io.Records) error {
			_, err := log.Compact(w.ctx, resourceOfHistories)
			return err
		}, w.survived)
	default:
		w.read()
	}
}

// survived accepts those errors that were injected.
func (w *world) survived(err error) error {
	if err == nil || errors.Is(err, errCrash) || errors.Is(err, retrain.UnavailableError) {
		return nil
	}
	return err
}

func (w *world) newBatch() *sent {
	w.names++
	at := time.Now().Add(-time.Duration(w.rng.IntN(3)*w.rng.IntN(20)) * time.Second) // clocks differ
	b := retrain.Batch{ID: fmt.Sprint("b", w.names), Resource: "r", At: at, Gone: w.rng.IntN(4) == 0}
	for range 1 + w.rng.IntN(6) {
		r := retrain.Record{"id": strconv.Itoa(w.rng.IntN(12))}
		if !b.Gone {
			r["n"] = []any{float64(w.rng.IntN(99)), "text", true, nil, []any{1.}}[min(4, w.rng.IntN(20))]
			r["c"] = []any{"x", "y", "a/b", 1.}[w.rng.IntN(4)]
			if w.rng.IntN(2) == 0 {
				r["d"] = w.rng.IntN(2) == 0
			}
			if w.rng.IntN(5) == 0 {
				delete(r, "id")
			}
		}
		b.Records = append(b.Records, r)
	}
	s := &sent{Batch: b}
	w.batches[b.ID] = s
	return s
}

func (w *world) insert(list ...*sent) {
	w.start(func(log *s3io.Records) error {
		var batches []retrain.Batch
		for _, b := range list {
			copied := b.Batch
			copied.Records = nil
			for _, r := range b.Records {
				copied.Records = append(copied.Records, maps.Clone(r))
			}
			batches = append(batches, copied)
		}
		_, err := log.AppendAll(w.ctx, "r", batches)
		return err
	}, func(err error) error {
		if err == nil {
			for _, b := range list {
				b.certain = true
			}
		}
		return w.survived(err)
	})
}

// read takes a snapshot and reads it, twice if it is a run's.
func (w *world) read() {
	before := w.certain()
	var p *retrain.PartitionRef
	switch w.rng.IntN(4) {
	case 0:
		p = &retrain.PartitionRef{Name: "byC", Values: map[string]any{"c": []any{"x", "a/b", 1.}[w.rng.IntN(3)]}}
	case 1:
		p = &retrain.PartitionRef{Name: "byCD", Values: map[string]any{"c": "x", "d": true}}
	}
	var data retrain.Dataset
	var got []retrain.Record
	w.start(func(log *s3io.Records) (err error) {
		if data, err = log.Snapshot(w.ctx, resourceOfHistories, p); err != nil {
			return err
		}
		got, err = readOf(w.ctx, log, data)
		return err
	}, func(err error) error {
		if err != nil {
			return w.survived(err)
		}
		if err := w.explain(got, before, p); err != nil {
			return err
		}
		if w.rng.IntN(3) == 0 {
			w.runs = append(w.runs, &run{data, got})
		}
		return nil
	})
}

func readOf(ctx context.Context, log *s3io.Records, d retrain.Dataset) (got []retrain.Record, err error) {
	for table, err := range log.Tables(ctx, d) {
		if err != nil {
			return nil, err
		}
		for r := range table.Records() {
			got = append(got, r)
		}
	}
	return got, nil
}

// certain returns the ids of the batches that must be there.
func (w *world) certain() map[string]bool {
	ids := make(map[string]bool)
	for id, b := range w.batches {
		if b.certain {
			ids[id] = true
		}
	}
	return ids
}

// Of more batches that may be there or not, not every set is tried.
const mostOpen = 12

// explain finds a set of batches, with all those that must be there, that makes what was read: no record lost, none twice, none
// in an older state.
func (w *world) explain(got []retrain.Record, must map[string]bool, p *retrain.PartitionRef) error {
	var sure, open []retrain.Batch
	for _, id := range slices.Sorted(maps.Keys(w.batches)) {
		if b := w.batches[id]; must[id] {
			sure = append(sure, b.Batch)
		} else {
			open = append(open, b.Batch)
		}
	}
	if len(open) > mostOpen { // who of them is there, too many answers would explain
		return nil
	}
	var nearest []retrain.Record
	for set := range 1 << len(open) {
		batches := slices.Clone(sure)
		for i := range open {
			if set>>i&1 == 1 {
				batches = append(batches, open[i])
			}
		}
		want := latest(batches, p)
		if sameRecords(got, want) {
			return nil
		}
		if set == 0 {
			nearest = want
		}
	}
	return fmt.Errorf("of partition %v\n got %v\nwant %v, or with any of %d more batches", p, got, nearest, len(open))
}

// latest is what batches make: the model.
func latest(batches []retrain.Batch, p *retrain.PartitionRef) (want []retrain.Record) {
	slices.SortFunc(batches, func(a, b retrain.Batch) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	for _, b := range batches {
		for i, r := range b.Records {
			r = maps.Clone(r)
			maps.DeleteFunc(r, func(_ string, v any) bool { return v == nil })
			if r.ID() == "" {
				r["id"] = b.ID + "-" + strconv.Itoa(i+1)
			}
			want = slices.DeleteFunc(want, func(old retrain.Record) bool { return old.ID() == r.ID() })
			if !b.Gone {
				want = append(want, r)
			}
		}
	}
	return slices.DeleteFunc(want, func(r retrain.Record) bool { return p != nil && !p.In(r) })
}

// checkEnd reads without faults: all that is certain is there, runs read what they read before, and what is left behind goes.
func (w *world) checkEnd() error {
	log := &s3io.Records{Bucket: w.memory, Pinned: w.pinned, Tuning: s3io.Tuning{Objects: 1, Rows: 20}}
	must := w.certain()
	for _, compacts := range []bool{false, true} {
		if compacts {
			if _, err := log.Compact(w.ctx, resourceOfHistories); err != nil {
				return err
			}
		}
		d, err := log.Snapshot(w.ctx, resourceOfHistories, nil)
		if err != nil {
			return err
		}
		got, err := readOf(w.ctx, log, d)
		if err != nil {
			return err
		}
		if err := w.explain(got, must, nil); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
	}
	for _, r := range w.runs {
		got, err := readOf(w.ctx, log, r.data)
		if err != nil {
			return fmt.Errorf("a run's data set: %w", err)
		}
		if !reflect.DeepEqual(got, r.want) {
			return fmt.Errorf("a run read %v, and before %v", got, r.want)
		}
	}
	return nil
}

// sameRecords compares without looking at the order.
func sameRecords(a, b []retrain.Record) bool {
	sorted := func(list []retrain.Record) []string {
		texts := make([]string, len(list))
		for i, r := range list {
			texts[i] = fmt.Sprint(r)
		}
		slices.Sort(texts)
		return texts
	}
	return slices.Equal(sorted(a), sorted(b))
}
