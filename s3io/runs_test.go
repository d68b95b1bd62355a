package s3io_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

func runID(n int) retrain.RunID { return retrain.RunID{Model: "price", Number: n} }

func createRun(t *testing.T, r *s3io.Runs, n int) {
	t.Helper()
	run := retrain.Run{ID: runID(n), Reason: retrain.ByInserts, RequestedAt: begin, ResetWeights: true}
	if err := r.CreateRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

func TestRunFromRequestToVerdict(t *testing.T) {
	r := &s3io.Runs{Bucket: open(t, gateway(t))}
	if _, err := r.Run(t.Context(), runID(7)); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("got %v", err)
	}
	createRun(t, r, 7)
	if err := r.CreateRun(t.Context(), retrain.Run{ID: runID(7)}); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("again: got %v", err)
	}
	wantState := func(want retrain.RunState) retrain.Run {
		t.Helper()
		run, err := r.Run(t.Context(), runID(7))
		if err != nil || run.State() != want || run.ID != runID(7) || run.Reason != retrain.ByInserts || !run.RequestedAt.Equal(begin) || !run.ResetWeights {
			t.Errorf("got %+v, %v, want it %s", run, err, want)
		}
		return run
	}
	wantState(retrain.Queued)

	data := retrain.Dataset{Resource: "products", Objects: []retrain.DataObject{{Key: "k", ETag: "e", Batch: "b"}}}
	for _, at := range []time.Duration{0, time.Hour} { // the second is another worker's, and is told what holds
		start, err := r.StartRun(t.Context(), runID(7), retrain.Start{BeganAt: begin.Add(at), Model: retrain.Model{Name: "price"}, Dataset: data})
		if err != nil || !start.BeganAt.Equal(begin) || len(start.Dataset.Objects) != 1 {
			t.Errorf("got %+v, %v", start, err)
		}
	}
	if run := wantState(retrain.Running); !reflect.DeepEqual(run.Start.Dataset.Objects[0], data.Objects[0]) {
		t.Errorf("got %+v", run.Start)
	}

	for _, result := range []retrain.Result{{State: retrain.Published, Version: 7, EndedAt: begin}, {State: retrain.Failed}} {
		got, err := r.FinishRun(t.Context(), runID(7), result)
		if err != nil || got.State != retrain.Published || got.Version != 7 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	wantState(retrain.Published)
}

func TestOneOfManyCreatesARun(t *testing.T) {
	r := &s3io.Runs{Bucket: open(t, gateway(t))}
	var created atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			err := r.CreateRun(t.Context(), retrain.Run{ID: runID(1), RequestedAt: begin.Add(time.Duration(i))})
			if err == nil {
				created.Add(1)
			} else if !errors.Is(err, retrain.ConflictError) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if created.Load() != 1 {
		t.Errorf("%d created it", created.Load())
	}
}

func TestRunsNewestFirst(t *testing.T) {
	r := &s3io.Runs{Bucket: new(s3io.Memory)}
	wantRuns := func(want ...int) {
		t.Helper()
		var got []int
		for run, err := range r.Runs(t.Context(), "price") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, run.ID.Number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	wantRuns()
	var want []int
	for n := range 70 {
		createRun(t, r, n+1)
		want = slices.Insert(want, 0, n+1)
		wantRuns(want...)
		r = &s3io.Runs{Bucket: r.Bucket} // which has seen nothing yet
		wantRuns(want...)
	}

	// A model that was disposed of goes on with its numbers; they may outgrow their eight digits.
	r = &s3io.Runs{Bucket: new(s3io.Memory)}
	if _, err := r.Bucket.Put(t.Context(), "models/price/champion.json", []byte(`{"highest":99999998}`), s3io.Always); err != nil {
		t.Fatal(err)
	}
	wantRuns()
	createRun(t, r, 99999999)
	createRun(t, r, 100000000)
	wantRuns(100000000, 99999999)
	for range r.Runs(t.Context(), "price") {
		break
	}
	for run, err := range r.Runs(t.Context(), "pric") {
		t.Errorf("got %v, %v of a model that has none", run, err)
	}
}

func wantCheckpoint(t *testing.T, r *s3io.Runs, want string) {
	t.Helper()
	if got, err := r.Checkpoint(t.Context(), runID(1)); err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func save(t *testing.T, r *s3io.Runs, state string) {
	t.Helper()
	if err := r.SaveCheckpoint(t.Context(), runID(1), []byte(state)); err != nil {
		t.Fatal(err)
	}
}

// checkpoints returns the names of those that hold a state.
func checkpoints(t *testing.T, b s3io.Bucket) (names []string) {
	for o, err := range b.List(t.Context(), s3io.Listing{Prefix: "models/price/runs/00000001/checkpoints/"}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size < 32 {
			continue // somebody resumed the run
		}
		names = append(names, o.Key[strings.LastIndexByte(o.Key, '/')+1:])
	}
	return names
}

func TestCheckpoints(t *testing.T) {
	b := open(t, gateway(t))
	r := &s3io.Runs{Bucket: b}
	if got, err := r.Checkpoint(t.Context(), runID(1)); got != nil || err != nil {
		t.Errorf("got %q, %v, want nothing", got, err)
	}
	save(t, r, "")
	if got, err := r.Checkpoint(t.Context(), runID(1)); got == nil || len(got) != 0 || err != nil {
		t.Errorf("got %v, %v, want an empty state", got, err)
	}
	for _, state := range []string{"two", "three", "four"} {
		save(t, r, state)
		r = &s3io.Runs{Bucket: b}
		wantCheckpoint(t, r, state) // any other worker goes on with it
	}
	if got, want := checkpoints(t, b), []string{"00000006", "00000008"}; !slices.Equal(got, want) {
		t.Errorf("kept are %q, want %q", got, want)
	}
	other := &s3io.Runs{Bucket: b}
	save(t, other, "five") // without having read one
	wantCheckpoint(t, other, "five")
	if _, err := r.FinishRun(t.Context(), runID(1), retrain.Result{State: retrain.Failed}); err != nil {
		t.Fatal(err)
	}
	if got := checkpoints(t, b); len(got) != 0 {
		t.Errorf("left after the verdict: %q", got)
	}
}

func TestDamagedCheckpoint(t *testing.T) {
	r := &s3io.Runs{Bucket: new(s3io.Memory)}
	for _, state := range []string{"one", "two"} {
		save(t, r, state)
	}
	for i, want := range []string{"two", "one", ""} {
		wantCheckpoint(t, r, want)
		if names := checkpoints(t, r.Bucket); i < len(names) {
			key := "models/price/runs/00000001/checkpoints/" + names[len(names)-1-i]
			body, _, err := r.Bucket.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			body = bytes.Replace(body, []byte{body[len(body)-1]}, []byte("x"), 1)
			if _, err := r.Bucket.Put(t.Context(), key, body[:len(body)-i], s3io.Always); err != nil {
				t.Fatal(err)
			}
		}
	}
	save(t, r, "three")
	wantCheckpoint(t, r, "three")
}

// TestCheckpointOfALateWorker has a worker come back after another has resumed its run, before that has saved anything or when it
// is far ahead.
func TestCheckpointOfALateWorker(t *testing.T) {
	for ahead := range 6 {
		var memory s3io.Memory
		late, other := &s3io.Runs{Bucket: &memory}, &s3io.Runs{Bucket: &memory}
		if _, err := late.StartRun(t.Context(), runID(1), retrain.Start{}); err != nil {
			t.Fatal(err)
		}
		if ahead%2 == 0 { // otherwise it stood still before it had saved anything
			save(t, late, "late")
			wantCheckpoint(t, other, "late")
		} else {
			wantCheckpoint(t, other, "")
		}
		for range ahead {
			save(t, other, "other")
		}
		for range 2 {
			err := late.SaveCheckpoint(t.Context(), runID(1), []byte("late"))
			if !errors.Is(err, retrain.ConflictError) {
				t.Errorf("%d behind: got %v", ahead, err)
			}
		}
		save(t, other, "other again")
		wantCheckpoint(t, other, "other again")
		if kept := checkpoints(t, &memory); len(kept) != min(ahead+2-ahead%2, 2) {
			t.Errorf("%d behind: kept are %q", ahead, kept)
		}
	}
}
