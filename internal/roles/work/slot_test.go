package work

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"retrain"
)

// A busy fitter knows when somebody else is at work beside it.
type busy struct {
	at  *atomic.Int32
	end <-chan struct{} // nil: at once
}

func (b busy) Fit(context.Context, retrain.Job) (retrain.Fit, error) {
	defer b.at.Add(-1)
	if b.at.Add(1) > 1 {
		return retrain.Fit{}, errors.New("somebody else is at work")
	}
	if b.end != nil {
		<-b.end
	}
	return retrain.Fit{}, nil
}

func always(*retrain.Job) bool { return true }

func TestASlotHasOneTrainingAtATime(t *testing.T) {
	s := slot{File: filepath.Join(t.TempDir(), "slot"), Patient: time.Hour}
	var at atomic.Int32
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			_, err := slotted{busy{at: &at}, s, always}.Fit(t.Context(), retrain.Job{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestWaitingForASlot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slot")
	free, err := slot{file, time.Hour}.take(t.Context(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	var at atomic.Int32
	if _, err := (slotted{busy{at: &at}, slot{file, 0}, always}).Fit(t.Context(), retrain.Job{}); !errors.Is(err, retrain.UnavailableError) {
		t.Errorf("without patience: got %v, want UnavailableError", err)
	}
	if _, err := (slotted{busy{at: &at}, slot{file, 0}, func(*retrain.Job) bool { return false }}).Fit(t.Context(), retrain.Job{}); err != nil {
		t.Errorf("who needs no slot: got %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	said := make(chan retrain.Progress, 1)
	waits := make(chan error)
	go func() {
		_, err := slotted{busy{at: &at}, slot{file, time.Hour}, always}.Fit(stopped, retrain.Job{Progress: func(p retrain.Progress) { said <- p }})
		waits <- err
	}()
	if p := <-said; p.Why == "" {
		t.Errorf("progress says %+v", p)
	}
	stop()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Errorf("who is told to stop waiting: got %v", err)
	}
	free()
	if _, err := (slotted{busy{at: &at}, slot{file, 0}, always}).Fit(t.Context(), retrain.Job{}); err != nil {
		t.Errorf("once it is free: got %v", err)
	}
}

func TestNamesOfSlots(t *testing.T) {
	for _, name := range []string{"", "../gpu", "a/b", ".hidden"} {
		if _, err := slotNamed(name); !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("%q: got %v, want ModelConfigError", name, err)
		}
	}
	for _, test := range []struct{ visible, want string }{{"", "gpu-0"}, {"1,0", "gpu-1"}, {"GPU-7d3c", "gpu-GPU-7d3c"}} {
		t.Setenv("CUDA_VISIBLE_DEVICES", test.visible)
		if got := visibleGPU(); got != test.want {
			t.Errorf("%q: got %s, want %s", test.visible, got, test.want)
		}
	}
}
