package retrain_test

import (
	"testing"
	"time"

	"retrain"
)

func TestStatusOf(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	manual := &retrain.Model{Name: "price"}
	paused := &retrain.Model{Name: "price", Paused: &retrain.Pause{At: now}, AutoTrain: true, TrainInterval: retrain.Duration(time.Hour)}
	auto := &retrain.Model{Name: "price", AutoTrain: true, TrainAfterInserts: 100, TrainInterval: retrain.Duration(time.Hour)}
	shown := &retrain.Progress{Run: "price-7", State: retrain.Running, CurrentEpoch: 3, TotalEpochs: 50}
	for _, test := range []struct {
		name     string
		model    *retrain.Model
		state    retrain.State
		champion int
		want     retrain.ModelState
		epoch    int           // of the run that is shown; -1: none is
		interval time.Duration // until the next; -1: time doesn't matter
	}{
		{"never trained", manual, retrain.State{}, 0, retrain.ModelUntrained, -1, -1},
		{"a champion answers", manual, retrain.State{Latest: 7}, 7, retrain.ModelTrained, -1, -1},
		{"a run waits", manual, retrain.State{Queued: 8}, 7, retrain.ModelQueued, 0, -1},
		{"a run is at work", manual, retrain.State{Running: 7}, 0, retrain.ModelRunning, 3, -1},
		{"progress of another run", manual, retrain.State{Running: 8}, 7, retrain.ModelRunning, 0, -1},
		{"both", manual, retrain.State{Running: 7, Queued: 8}, 0, retrain.ModelRunning, 3, -1},
		{"paused", paused, retrain.State{}, 7, retrain.ModelPaused, -1, -1},
		{"failed", manual, retrain.State{LastError: "diverged"}, 7, retrain.ModelFailed, -1, -1},
		{"the interval has begun", auto, retrain.State{Since: ago(40 * time.Minute)}, 7, retrain.ModelTrained, -1, 20 * time.Minute},
		{"the interval is over", auto, retrain.State{Since: ago(2 * time.Hour)}, 7, retrain.ModelTrained, -1, 0},
		{"never trained, by interval", auto, retrain.State{}, 0, retrain.ModelUntrained, -1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := retrain.StatusOf(test.model, test.state, retrain.Champion{Version: test.champion}, shown, now)
			if s.State != test.want {
				t.Errorf("state %s, want %s", s.State, test.want)
			}
			if got, want := s.Trained, test.champion != 0; got != want {
				t.Errorf("trained %v, want %v", got, want)
			}
			if epoch := epochOf(s.Run); epoch != test.epoch {
				t.Errorf("epoch %d, want %d", epoch, test.epoch)
			}
			if until := untilOf(s.NextIntervalAt, now); until != test.interval {
				t.Errorf("next interval in %v, want %v", until, test.interval)
			}
		})
	}
}

func epochOf(p *retrain.Progress) int {
	if p == nil {
		return -1
	}
	return p.CurrentEpoch
}

func untilOf(at *time.Time, now time.Time) time.Duration {
	if at == nil {
		return -1
	}
	return at.Sub(now)
}

func TestStatusOfWhatHoldsATrainingBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := &retrain.Model{Name: "price", AutoTrain: true, TrainAfterInserts: 100}
	s := retrain.StatusOf(m, retrain.State{Inserted: 5, Needs: 12, NotBefore: now.Add(time.Minute), Running: 1, Queued: 2}, retrain.Champion{}, nil, now)
	if s.InsertsSinceTraining != 5 || s.TrainAfterInserts != 100 || s.RowsMissing != 7 || s.FollowUp != 2 {
		t.Errorf("got %+v", s)
	}
	if s.RetryAt == nil || !s.RetryAt.Equal(now.Add(time.Minute)) {
		t.Errorf("retry at %v", s.RetryAt)
	}
	if s.Run == nil || s.Run.Run != "price-1" || s.Run.TotalEpochs != 50 {
		t.Errorf("run %+v", s.Run)
	}
	manual := retrain.StatusOf(&retrain.Model{Name: "price", TrainAfterInserts: 100}, retrain.State{}, retrain.Champion{}, nil, now)
	if manual.TrainAfterInserts != 0 {
		t.Errorf("without autoTrain inserts trigger nothing, got %d", manual.TrainAfterInserts)
	}
}
