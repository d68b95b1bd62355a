package s3io_test

import (
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// However runs end, and whoever moves the tally on, or doesn't, it counts each of them once.
func TestTallyCountsEveryRunOnce(t *testing.T) {
	b := new(s3io.Memory)
	r := &s3io.Runs{Bucket: b}
	finish := func(n int, state retrain.RunState) {
		t.Helper()
		for range 2 { // a verdict may come again
			if _, err := r.FinishRun(t.Context(), runID(n), retrain.Result{State: state, EndedAt: begin.Add(time.Duration(n) * time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(what string, trainings, failures, last int) {
		t.Helper()
		got, err := (&s3io.Runs{Bucket: b}).Tally(t.Context(), "price")
		if err != nil || got.Trainings != trainings || got.Failures != failures ||
			last == 0 && got.LastTrainedAt != nil || last != 0 && !got.LastTrainedAt.Equal(begin.Add(time.Duration(last)*time.Hour)) {
			t.Errorf("%s: got %+v, %v, want %d trainings, %d failures, the last good one %d", what, got, err, trainings, failures, last)
		}
	}
	want("no run", 0, 0, 0)
	for n := 1; n <= 4; n++ {
		createRun(t, r, n)
	}
	finish(1, retrain.Failed)
	want("failed", 1, 1, 0)
	finish(3, retrain.Cancelled) // before the second
	want("cancelled", 2, 1, 0)
	finish(2, retrain.Published)
	want("published", 3, 1, 2)
	finish(4, retrain.Failed)
	want("failed again", 4, 2, 2)
	if err := b.Delete(t.Context(), "models/price/runs/tally.json"); err != nil {
		t.Fatal(err)
	}
	want("without a tally", 4, 2, 2)
	for n := 5; n <= 80; n++ { // one that lags behind comes up
		createRun(t, r, n)
		finish(n, retrain.Rejected)
	}
	want("many", 80, 2, 80)
	if _, err := b.Put(t.Context(), "models/price/runs/tally.json", []byte(`{"format": 2, "through": 900}`), s3io.Always); err != nil {
		t.Fatal(err)
	}
	createRun(t, r, 81)
	finish(81, retrain.Failed)
	want("a later format", 81, 3, 80)
}

// A model that was disposed of and declared anew goes on with its numbers; what it had is not counted.
func TestTallyBeginsWhereNumbersGoOn(t *testing.T) {
	r := &s3io.Runs{Bucket: new(s3io.Memory)}
	for n := 40; n <= 47; n++ {
		createRun(t, r, n)
		if _, err := r.FinishRun(t.Context(), runID(n), retrain.Result{State: retrain.Failed}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := r.Tally(t.Context(), "price"); err != nil || got.Failures != 8 {
		t.Errorf("got %+v, %v, want 8 failures", got, err)
	}
}
