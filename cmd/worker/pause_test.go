package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
)

// long is a model whose runs do not end by themselves, and write a checkpoint when they are interrupted.
const long = `
resources: {products: {}}
models:
  price: {type: neural-network, resource: products, features: [cost], target: price, modelConfig: {epochs: 1000000, layers: [{units: 32}]}}
`

// declare applies a configuration over what was applied before.
func (w *world) declare(text string) {
	w.Helper()
	c, err := app.Parse("retrain.yaml", []byte(text))
	if err != nil {
		w.Fatal(err)
	}
	if _, _, err := w.app.Apply(w.Context(), c); err != nil {
		w.Fatal(err)
	}
}

// longRun requests a run that does not end by itself.
func (w *world) longRun() retrain.RunID {
	w.Helper()
	w.declare(long)
	w.insert()
	id, err := w.app.Train(w.Context(), "price", true)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// progresses waits until somebody shows progress of a run beyond a percentage, and returns how far it is.
func (w *world) progresses(id retrain.RunID, beyond float64) (at float64) {
	w.Helper()
	w.eventually(func() error {
		p, _, err := w.app.Ledger.Progress(w.Context(), id.Model)
		if err == nil && (p.Run != id.String() || p.ProgressPercentage <= beyond) {
			err = fmt.Errorf("%s is at %v", p.Run, p.ProgressPercentage)
		}
		at = p.ProgressPercentage
		return err
	})
	return at
}

// changes waits until the progress of a run is another than it was, and returns it.
func (w *world) changes(id retrain.RunID, was float64) (is float64) {
	w.Helper()
	w.eventually(func() error {
		p, _, err := w.app.Ledger.Progress(w.Context(), id.Model)
		if is = p.ProgressPercentage; err == nil && is == was {
			err = fmt.Errorf("it stays at %v", is)
		}
		return err
	})
	return is
}

func (w *world) held(id retrain.RunID, want bool) {
	w.Helper()
	w.eventually(func() error {
		held, err := w.app.Leases.Held(w.Context(), id)
		if err == nil && held != want {
			err = fmt.Errorf("held %v", held)
		}
		return err
	})
}

// cancelled cancels a run, and waits until it is settled.
func (w *world) cancelled(id retrain.RunID) {
	w.Helper()
	if _, err := w.app.Cancel(w.Context(), id.String()); err != nil {
		w.Fatal(err)
	}
	run, err := w.app.Runs.Run(w.Context(), id)
	if err != nil || run.State() != retrain.Cancelled {
		w.Errorf("got %+v, %v", run, err)
	}
}

// A worker that stood still past its lease, while another took its run over, changes nothing when it goes on.
func TestAWorkerThatStoodStillChangesNothing(t *testing.T) {
	w := newWorld(t)
	go roles.Schedule(t.Context(), w.app, httpapi.NewMetrics("test"))
	first := w.worker("train")
	id := w.longRun()
	w.progresses(id, 0)
	signal(t, first, syscall.SIGSTOP)
	w.held(id, false)
	w.worker("train")
	w.held(id, true)
	if err := syscall.Kill(first.Process.Pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	at := w.progresses(id, 0)
	w.eventually(func() error { // its task was given to the first again, which found the run at another worker
		depths, err := w.app.Redis.Depths(t.Context())
		for _, d := range depths {
			if d.Queue == "train-default" && d.Completed == 0 {
				err = errors.New("the first is still at it")
			}
		}
		return err
	})
	w.progresses(id, at)
	w.held(id, true)
	w.cancelled(id)
}

// Told to end, a worker writes down where its run stands and is gone within five seconds; another goes on from there, and no retry
// was spent.
func TestATrainingSurvivesADeployment(t *testing.T) {
	w := newWorld(t)
	go roles.Schedule(t.Context(), w.app, httpapi.NewMetrics("test"))
	first := w.worker("train")
	id := w.longRun()
	at := w.progresses(id, 0)
	began := time.Now()
	signal(t, first, syscall.SIGTERM)
	w.held(id, false)
	w.eventually(func() error { return gone(first.Process.Pid) })
	t.Logf("ended after %v", time.Since(began))
	last := w.progresses(id, 0)
	w.worker("train")
	w.held(id, true)
	if again := w.changes(id, last); again < at {
		t.Errorf("it goes on at %v, and was at %v", again, at)
	}
	w.cancelled(id)
}

// A run at work is cancelled: it is over at once, and its worker is free after a slice.
func TestCancelAtWork(t *testing.T) {
	w := newWorld(t)
	w.worker("train")
	id := w.longRun()
	w.progresses(id, 0)
	began := time.Now()
	if _, err := w.app.Cancel(t.Context(), "price"); err != nil {
		t.Fatal(err)
	}
	t.Logf("terminal after %v", time.Since(began))
	w.eventually(func() error {
		depths, err := w.app.Redis.Depths(t.Context())
		for _, d := range depths {
			if d.Active > 0 {
				err = fmt.Errorf("%+v", d)
			}
		}
		return err
	})
	t.Logf("its worker is free after %v", time.Since(began))
	run, err := w.app.Runs.Run(t.Context(), id)
	if err != nil || run.State() != retrain.Cancelled {
		t.Errorf("got %+v, %v", run, err)
	}
	if _, err := w.app.Registry.Champion(t.Context(), "price"); !errors.Is(err, retrain.ModelNotTrainedError) {
		t.Errorf("a champion: %v", err)
	}
}

func signal(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// gone returns nil when a process has ended that nobody has waited for yet.
func gone(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		err = errors.New("it is still there")
	}
	return err
}
