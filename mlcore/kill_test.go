package mlcore_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// TestKilledAnywhereGivesTheSameBytes kills fits of all four types at 50 random slices, and resumes each from the checkpoint of
// that slice in a new engine.
func TestKilledAnywhereGivesTheSameBytes(t *testing.T) {
	const kills = 50
	random, models, tried := rand.New(rand.NewPCG(50, 4)), kinds(), 0
	names := []string{"polynomial", "sizes", "two targets", "series"} // of each type one, with what there is to forget: classes, moving means, dropout
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			job := retrain.Job{Model: models[name], Data: tables(products(40))}
			job.Model.ModelConfig.Epochs, job.Model.ModelConfig.Lookback = 4, min(3, job.Model.ModelConfig.Lookback)
			job.Model.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 2, RestoreBestWeights: true}
			first := &mlcore.Engine{CheckpointEvery: 1}
			defer first.Close()
			whole, checkpoints := killed(t, first, job, 0)
			for range (kills + i) / len(names) {
				at := 1 + random.IntN(len(checkpoints))
				_, saved := killed(t, first, job, at)
				if !bytes.Equal(saved[at-1], checkpoints[at-1]) {
					t.Errorf("killed after slice %d: its checkpoint differs", at)
				}
				resumed := job
				resumed.Checkpoint = saved[at-1]
				next := &mlcore.Engine{CheckpointEvery: 1}
				if got, _ := killed(t, next, resumed, 0); got.sum != whole.sum {
					t.Errorf("killed after slice %d of %d: got %s, want %s", at, len(checkpoints), got.sum, whole.sum)
				}
				next.Close()
				tried++
			}
		})
	}
	if tried != kills {
		t.Errorf("got %d kills, want %d", tried, kills)
	}
}

// killed trains in slices of one step, with a checkpoint after each, and returns the checkpoints. Where at is not 0, the fit
// ends right after that one, and leaves no later one.
func killed(t *testing.T, e *mlcore.Engine, job retrain.Job, at int) (trained, [][]byte) {
	t.Helper()
	mlcore.Slice(e, 1)
	ctx, kill := context.WithCancelCause(t.Context())
	defer kill(nil)
	var checkpoints [][]byte
	job.Dir = t.TempDir()
	job.SaveCheckpoint = func(_ context.Context, state []byte) error {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it is dead
		}
		if checkpoints = append(checkpoints, slices.Clone(state)); len(checkpoints) == at {
			kill(errStop)
		}
		return nil
	}
	fit, err := e.Fit(ctx, job)
	if at > 0 && len(checkpoints) == at && (err == nil || errors.Is(err, errStop)) { // after the last slice nothing is left to stop
		return trained{}, checkpoints
	}
	if at > 0 || err != nil {
		t.Fatalf("to be killed after slice %d: got %d slices, %v", at, len(checkpoints), err)
	}
	return trained{Fit: fit, sum: digest(t, job.Dir, fit)}, checkpoints
}
