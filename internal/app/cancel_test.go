package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/tasks"
)

// stubborn learns for as long as it is let: it shows its progress again and again, and is done when enough is closed.
type stubborn struct {
	began  chan retrain.Job
	enough chan struct{}
}

func (f *stubborn) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	f.began <- job
	for {
		select {
		case <-f.enough:
			return retrain.Fit{Samples: 1, Epochs: 1, Metrics: map[string]float64{"loss": 0}}, nil
		case <-ctx.Done():
			return retrain.Fit{}, context.Cause(ctx)
		case <-time.After(time.Millisecond):
			job.Progress(retrain.Progress{CurrentEpoch: 1, TotalEpochs: 2})
		}
	}
}

// learns starts a worker with a stubborn learner.
func learns(t *testing.T, a *app.App) *stubborn {
	t.Helper()
	f := &stubborn{began: make(chan retrain.Job, 10), enough: make(chan struct{})}
	w := &tasks.Worker{Conn: a.Redis, Train: a.Training(f).Do, Log: a.Log}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Shutdown)
	return f
}

func train(t *testing.T, a *app.App) retrain.RunID {
	t.Helper()
	id, err := a.Train(t.Context(), "price", true)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func run(t *testing.T, a *app.App, id retrain.RunID) retrain.Run {
	t.Helper()
	r, err := a.Runs.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cancelled(t *testing.T, a *app.App, what string, want ...string) {
	t.Helper()
	ended, err := a.Cancel(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range ended {
		got = append(got, e.Run)
		if e.State != retrain.Cancelled {
			t.Errorf("%s is %s", e.Run, e.State)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("cancelled %v, want %v", got, want)
	}
}

// A run that waits is cancelled at once, and stays so whatever asynq makes of its task.
func TestCancelWhatWaits(t *testing.T) {
	t.Parallel()
	a := opened(t)
	insert(t, a, "one")
	id := train(t, a)
	cancelled(t, a, "price", "price-1")
	cancelled(t, a, "price-1", "price-1") // again: it is so
	if st := status(t, a); st.Run != nil || st.State != retrain.ModelUntrained || st.InsertsSinceTraining != 2 || st.SetAside != 2 {
		t.Errorf("status %+v", st)
	}
	if _, err := a.Cancel(t.Context(), "price"); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("nothing to cancel: got %v, want a ConflictError", err)
	}
	f := learns(t, a)
	if err := a.Queue.Enqueue(t.Context(), id, 7, "default", retrain.ByHand); err != nil { // a task that survived
		t.Fatal(err)
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		if d := depth(t, a, "train-default"); d.Completed != 1 {
			return fmt.Errorf("%+v", d)
		}
		return nil
	})
	if r := run(t, a, id); r.State() != retrain.Cancelled || r.Start != nil || len(f.began) != 0 {
		t.Errorf("it was begun: %+v", r)
	}
}

func depth(t *testing.T, a *app.App, queue string) tasks.QueueDepth {
	t.Helper()
	all, err := a.Redis.Depths(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Queue == queue {
			return d
		}
	}
	return tasks.QueueDepth{}
}

// A run at work is cancelled: it is terminal at once, its worker goes on to the run that was requested behind it only where
// that was not cancelled too, and the rows make nothing due, not even after Redis was lost.
func TestCancelWhatIsAtWork(t *testing.T) {
	t.Parallel()
	a := opened(t)
	for i := range 60 { // 120 rows: the model is due
		insert(t, a, fmt.Sprint("batch-", i))
	}
	f := learns(t, a)
	<-f.began
	follow := train(t, a)
	if follow.Number != 2 {
		t.Fatalf("the follow-up is %s", follow)
	}
	began := time.Now()
	cancelled(t, a, "price-1", "price-1")
	job := <-f.began
	t.Logf("cancel to the next run's fit: %v", time.Since(began))
	if job.Model.Name != "price" || status(t, a).Run.Run != "price-2" {
		t.Errorf("the follow-up is not at work: %+v", status(t, a))
	}
	cancelled(t, a, "price", "price-2")
	for range 2 {
		if err := a.Sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		st := status(t, a)
		if st.State != retrain.ModelUntrained || st.InsertsSinceTraining != 120 || st.SetAside != 120 || st.Failures != 0 {
			t.Errorf("status %+v", st)
		}
		if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Cancel(t.Context(), "price-3"); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("no such run: got %v", err)
	}
	if _, err := a.Cancel(t.Context(), "nobody"); !errors.Is(err, retrain.ModelNotFoundError) {
		t.Errorf("no such model: got %v", err)
	}
	close(f.enough)
	id := train(t, a) // a person may still train
	testenv.Eventually(t, 10*time.Second, func() error {
		if r := run(t, a, id); r.State() != retrain.Published {
			return fmt.Errorf("%s", r.State())
		}
		return nil
	})
	if _, err := a.Cancel(t.Context(), id.String()); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("it has ended: got %v", err)
	}
}

// While a model is paused its triggers sleep; counting, and training by hand, go on. Redis does not matter.
func TestPause(t *testing.T) {
	t.Parallel()
	a := opened(t)
	if st, err := a.Pause(t.Context(), "price"); err != nil || st.State != retrain.ModelPaused || st.PausedAt == nil {
		t.Fatalf("paused %+v, %v", st, err)
	}
	for i := range 60 {
		if in := insert(t, a, fmt.Sprint("batch-", i)); len(in.Triggered) != 0 {
			t.Fatalf("triggered %v", in.Triggered)
		}
	}
	if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if st := status(t, a); st.State != retrain.ModelPaused || st.InsertsSinceTraining != 120 || st.Run != nil {
		t.Errorf("status %+v", st)
	}
	if id := train(t, a); id.Number != 1 {
		t.Errorf("by hand: %s", id)
	}
	cancelled(t, a, "price", "price-1")
	insert(t, a, "another")
	for i := range 60 {
		insert(t, a, fmt.Sprint("more-", i))
	}
	if st, err := a.Resume(t.Context(), "price"); err != nil || st.State != retrain.ModelQueued {
		t.Errorf("resumed %+v, %v", st, err)
	}
	if _, err := a.Pause(t.Context(), "nobody"); !errors.Is(err, retrain.ModelNotFoundError) {
		t.Errorf("no such model: got %v", err)
	}
}
