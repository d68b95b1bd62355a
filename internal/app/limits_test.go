package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
	"retrain/tasks"
)

// redeclare changes the model.
func redeclare(t *testing.T, a *app.App, change func(m *retrain.Model)) {
	t.Helper()
	specs, err := a.Specs.Specs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change(specs.Models[0])
	if _, _, err := a.Specs.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	a.Catalog.Forget()
}

func verdict(t *testing.T, a *app.App, id retrain.RunID) (r retrain.Result) {
	t.Helper()
	testenv.Eventually(t, 20*time.Second, func() error {
		run := run(t, a, id)
		if run.Result == nil {
			return errors.New(string(run.State()))
		}
		r = *run.Result
		return nil
	})
	return r
}

// A run that takes too long fails and says so; its rows are given back, and the model backs off.
func TestMaxRunTime(t *testing.T) {
	t.Parallel()
	a := opened(t)
	redeclare(t, a, func(m *retrain.Model) { m.MaxRunTime = retrain.Duration(300 * time.Millisecond) })
	insert(t, a, "one")
	learns(t, a)
	r := verdict(t, a, train(t, a))
	if r.State != retrain.Failed || r.Error == nil || !strings.Contains(r.Error.Message, "300ms, which is its maxRunTime") {
		t.Errorf("got %+v, %v", r, r.Error)
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		if st := status(t, a); st.Failures != 1 || st.InsertsSinceTraining != 2 || st.RetryAt == nil || st.State != retrain.ModelFailed {
			return fmt.Errorf("status %+v", st)
		}
		return nil
	})
}

// What does not fit waits, and says for what, until it fits.
func TestARunThatDoesNotFitWaits(t *testing.T) {
	t.Parallel()
	a := opened(t)
	insert(t, a, "one")
	fits := make(chan struct{})
	f := &stubborn{began: make(chan retrain.Job, 1), enough: fits}
	training := a.Training(f)
	training.Admit = func(context.Context, *retrain.Start) error {
		select {
		case <-fits:
			return nil
		default:
			return retrain.Errorf(retrain.UnavailableError, "waits for memory")
		}
	}
	w := &tasks.Worker{Conn: a.Redis, Train: training.Do, Log: a.Log}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Shutdown)
	id := train(t, a)
	testenv.Eventually(t, 10*time.Second, func() error {
		if st := status(t, a); st.Run == nil || st.Run.Why != "waits for memory" || st.State != retrain.ModelQueued {
			return fmt.Errorf("status %+v, %+v", st, st.Run)
		}
		return nil
	})
	close(fits)
	if r := verdict(t, a, id); r.State != retrain.Published {
		t.Errorf("got %+v", r)
	}
}

// A run that nobody will take says so.
func TestARunWaitsForItsKindOfWorker(t *testing.T) {
	t.Parallel()
	a := opened(t)
	redeclare(t, a, func(m *retrain.Model) { m.Device = "gpu" })
	w := &tasks.Worker{Conn: a.Redis, Train: a.Training(&stubborn{}).Do, Lanes: []string{"default", "cpu-default"}, Log: a.Log}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Shutdown)
	train(t, a)
	testenv.Eventually(t, 10*time.Second, func() error {
		st := status(t, a)
		if want := "waits for a worker: none that is running trains models of device gpu, priority default"; st.Run == nil || st.Run.Why != want {
			return fmt.Errorf("%+v", st.Run)
		}
		return nil
	})
}

// asynqmon's button on a task at work cancels the run.
func TestTheButtonOfAsynqsPages(t *testing.T) {
	t.Parallel()
	a := opened(t)
	insert(t, a, "one")
	f := &stubborn{began: make(chan retrain.Job, 10)}
	w := &tasks.Worker{Conn: a.Redis, Train: a.Training(f).Do, Log: a.Log, Cancel: func(ctx context.Context, id retrain.RunID) error {
		_, err := a.Endings.Cancel(ctx, id, "a button")
		return err
	}}
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Shutdown)
	id := train(t, a)
	<-f.began
	if err := asynq.NewInspectorFromRedisClient(a.Redis.Redis).CancelProcessing("price-1.0"); err != nil {
		t.Fatal(err)
	}
	if r := verdict(t, a, id); r.State != retrain.Cancelled || r.Why != "cancelled by a button" {
		t.Errorf("got %+v", r)
	}
}

// A worker dies after the verdict and before its version is champion, and Redis is lost at the same time.
func TestAPublishedVersionBecomesChampion(t *testing.T) {
	t.Parallel()
	a := opened(t)
	made(t, a, 1, retrain.Published)
	made(t, a, 2, retrain.Rejected)
	id := retrain.RunID{Model: "price", Number: 3}
	made(t, a, 3, "")
	if _, err := a.Runs.FinishRun(t.Context(), id, retrain.Result{State: retrain.Published, EndedAt: time.Now(), Version: 3}); err != nil {
		t.Fatal(err)
	}
	if err := a.Redis.Redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	f := learns(t, a)
	testenv.Eventually(t, 20*time.Second, func() error {
		if err := a.Sweeper.Sweep(t.Context()); err != nil {
			return err
		}
		if st := status(t, a); st.Version != 3 || st.Run != nil {
			return fmt.Errorf("%+v", st)
		}
		return nil
	})
	if len(f.began) != 0 {
		t.Error("it was learnt again")
	}
}
