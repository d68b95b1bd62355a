package work

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"retrain"
	"retrain/mlcore"
)

// A slot has one training at a time, of all workers of this machine that name it: whoever trains has a file locked. The system frees
// it when the process is gone, however it ended.
type slot struct {
	File    string
	Patient time.Duration // how long a training waits for it here, before it is offered to others
}

const (
	slotPatience = 10 * time.Second
	slotLook     = 50 * time.Millisecond
)

// slotNamed returns the slot of a name, which may not lead to another folder.
func slotNamed(name string) (slot, error) {
	if name == "" || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		return slot{}, retrain.Errorf(retrain.ModelConfigError, "%q is no name of a slot", name).WithHint("a name is like gpu-0: no slash in it, no dot before it")
	}
	return slot{filepath.Join(os.TempDir(), "retrain-slot-"+name), slotPatience}, nil
}

// visibleGPU names the GPU that TensorFlow takes: the first that this process may see.
func visibleGPU() string {
	first, _, _ := strings.Cut(os.Getenv("CUDA_VISIBLE_DEVICES"), ",")
	return "gpu-" + cmp.Or(strings.TrimSpace(first), "0")
}

// take waits until the slot is free and takes it, or returns an UnavailableError when that takes too long. waits is called when
// somebody has it.
func (s slot) take(ctx context.Context, waits func()) (release func(), err error) {
	f, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("slot %s: %w", s.File, err)
	}
	tick := time.NewTicker(slotLook)
	defer tick.Stop()
	for began := time.Now(); ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil // which unlocks it
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("slot %s: %w", s.File, err), f.Close())
		case time.Since(began) >= s.Patient:
			return nil, errors.Join(retrain.Errorf(retrain.UnavailableError, "another training is at %s", filepath.Base(s.File)), f.Close())
		}
		waits()
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-tick.C:
		}
	}
}

// open opens the file, which may be another user's: to lock it, it is enough to read it.
func (s slot) open() (*os.File, error) {
	f, err := os.Open(s.File)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.OpenFile(s.File, os.O_RDONLY|os.O_CREATE, 0o644) //nolint:gosec // others shall read it
	}
	return f, err
}

// slotted learns when nobody else does in the slot.
type slotted struct {
	retrain.Fitter

	Slot  slot
	Needs func(job *retrain.Job) bool // whether a job needs the slot
}

// Fit is as the Fitter's. While another training is in the slot, progress says so.
func (s slotted) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	if !s.Needs(&job) {
		return s.Fitter.Fit(ctx, job)
	}
	told := false
	release, err := s.Slot.take(ctx, func() {
		if !told && job.Progress != nil {
			job.Progress(retrain.Progress{TotalEpochs: job.Model.ModelConfig.Epochs, Why: "waits for another training in " + filepath.Base(s.Slot.File)})
		}
		told = true
	})
	if err != nil {
		return retrain.Fit{}, err
	}
	defer release()
	return s.Fitter.Fit(ctx, job)
}

// oneAtATime returns e where each of the machine's slots has one training at a time: the named one has all of them; without a name
// the GPU has those that use it.
func oneAtATime(e retrain.Fitter, name string) (retrain.Fitter, error) {
	needs := func(job *retrain.Job) bool { return job.Import == nil && job.Model.Device != "cpu" && mlcore.HasGPU() }
	if name != "" {
		needs = func(job *retrain.Job) bool { return job.Import == nil }
	}
	s, err := slotNamed(cmp.Or(name, visibleGPU()))
	return slotted{e, s, needs}, err
}
