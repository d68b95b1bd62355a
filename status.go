package retrain

import "time"

// A ModelState says in one word where a model stands. Programs read it: never change a value.
type ModelState string

// The states of a model. An open run comes first, then what keeps the model from being trained, then whether it can answer.
const (
	ModelRunning   ModelState = "running"   // a run is at work
	ModelQueued    ModelState = "queued"    // a run waits for a worker
	ModelPaused    ModelState = "paused"    // a person said wait
	ModelFailed    ModelState = "failed"    // the last run failed; the next may go better
	ModelTrained   ModelState = "trained"   // a champion answers
	ModelUntrained ModelState = "untrained" // it has no version yet
)

// A ModelStatus is what people are shown of a model.
type ModelStatus struct {
	Model                string     `json:"model"`
	Type                 Kind       `json:"type"`
	Resource             string     `json:"resource"`
	State                ModelState `json:"state"`
	Trained              bool       `json:"trained"`
	Version              int        `json:"version"` // the champion; 0 for none
	InsertsSinceTraining int        `json:"insertsSinceTraining"`
	TrainAfterInserts    int        `json:"trainAfterInserts"`       // 0: rows don't matter
	NextIntervalAt       *time.Time `json:"nextIntervalAt"`          // nil: time doesn't matter
	LastTrainedAt        *time.Time `json:"lastTrainedAt,omitempty"` // when a run last took rows
	Run                  *Progress  `json:"run,omitempty"`           // the open run
	LastError            string     `json:"lastError,omitempty"`     // why the last run failed
	RetryAt              *time.Time `json:"retryAt,omitempty"`       // when the back-off after a failure ends
	RowsMissing          int        `json:"rowsMissing,omitempty"`   // until another run makes sense, after one found too few
	SetAside             int        `json:"setAside,omitempty"`      // of insertsSinceTraining: left by a cancelled run, and no reason for another
	Failures             int        `json:"failures,omitempty"`      // runs that failed one after the other
	PausedAt             *time.Time `json:"pausedAt,omitempty"`      // since when the triggers are off
	PausedBy             string     `json:"pausedBy,omitempty"`
	FollowUp             int        `json:"followUp,omitempty"` // the number of the run that waits behind the one at work
}

// StatusOf tells how a model stands, from its state, its champion (zero for none) and the progress that its run shows.
func StatusOf(m *Model, s State, c Champion, p *Progress, now time.Time) ModelStatus {
	t := m.Trigger()
	st := ModelStatus{Model: m.Name, Type: m.Type, Resource: m.Resource, Trained: c.Version != 0, Version: c.Version,
		InsertsSinceTraining: s.Inserted, TrainAfterInserts: t.Inserts, LastError: s.LastError, SetAside: min(s.SetAside, s.Inserted), Failures: s.Failures}
	if s.Paused = m.Paused != nil; s.Paused {
		st.PausedAt, st.PausedBy = &m.Paused.At, m.Paused.By
	}
	st.State = stateOf(s, c)
	st.Run = openRun(m, s, p)
	if s.Running != 0 {
		st.FollowUp = s.Queued
	}
	if !s.Since.IsZero() && st.Trained {
		st.LastTrainedAt = &s.Since
	}
	if t.Every > 0 && !s.Paused {
		next := s.Since.Add(t.Every)
		if next.Before(now) { // due already: the next sweep requests it
			next = now
		}
		next = next.UTC().Truncate(time.Second)
		st.NextIntervalAt = &next
	}
	if s.backsOff(now) {
		st.RetryAt = &s.NotBefore
	}
	if s.Inserted < s.Needs {
		st.RowsMissing = s.Needs - s.Inserted
	}
	return st
}

func stateOf(s State, c Champion) ModelState {
	switch {
	case s.Running != 0:
		return ModelRunning
	case s.Queued != 0:
		return ModelQueued
	case s.Paused:
		return ModelPaused
	case s.LastError != "":
		return ModelFailed
	case c.Version != 0:
		return ModelTrained
	}
	return ModelUntrained
}

// openRun returns the progress of the run that is open, which may have shown none yet.
func openRun(m *Model, s State, p *Progress) *Progress {
	open := Progress{State: Running, Run: RunID{m.Name, s.Running}.String()}
	if s.Running == 0 {
		open = Progress{State: Queued, Run: RunID{m.Name, s.Queued}.String()}
		if s.Queued == 0 {
			return nil
		}
	}
	if p != nil && p.Run == open.Run {
		return p
	}
	open.TotalEpochs = m.WithDefaults().ModelConfig.Epochs
	return &open
}
