package retrain

import "time"

// A Tally is what became of a model's runs that have ended. Its zero value is that of no run.
type Tally struct {
	Trainings     int        `json:"trainings"` // that came to a verdict
	Failures      int        `json:"failures"`
	LastTrainedAt *time.Time `json:"lastTrainedAt,omitempty"` // when the last one ended that made a version; nil for none
}

// After adds a run that is later than those that it has; nil is one that has not ended.
func (t *Tally) After(r *Result) {
	if r == nil {
		return
	}
	t.Trainings++
	switch r.State {
	case Failed:
		t.Failures++
	case Published, Rejected:
		t.LastTrainedAt = &r.EndedAt
	}
}

// Before adds a run that is earlier than those that it has.
func (t *Tally) Before(r *Result) {
	last := t.LastTrainedAt
	if t.After(r); last != nil {
		t.LastTrainedAt = last
	}
}

// And returns what became of t's runs and of later ones.
func (t *Tally) And(later Tally) Tally {
	later.Trainings += t.Trainings
	later.Failures += t.Failures
	if later.LastTrainedAt == nil {
		later.LastTrainedAt = t.LastTrainedAt
	}
	return later
}
