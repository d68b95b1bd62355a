package retrain

import "time"

// A Reason says why a run was requested. It is stored with the run: never change a value.
type Reason string

// The reasons for a run.
const (
	ByInserts  Reason = "inserts"
	ByInterval Reason = "interval"
	ByHand     Reason = "manual"
	ByImport   Reason = "import" // it takes over a model that was trained elsewhere
	ByDrift    Reason = "drift"  // what is asked is not what was learnt
)

// A Trigger says when a training is due. Either condition suffices; the zero Trigger is never due.
type Trigger struct {
	Inserts int           // rows since the last training; 0: rows don't matter
	Every   time.Duration // time since the last training; 0: time doesn't matter
	Drift   float64       // how far questions may lie from what was learnt, while there are rows to learn more from; 0: it doesn't matter
}

// A State is what is known of a model between its trainings. The Ledger keeps it; S3 can tell it again.
type State struct {
	Inserted  int       // rows counted that no run has taken yet
	SetAside  int       // those of them that a cancelled run would have learnt: the next run learns them, but they make no run due
	Since     time.Time // when a run last took rows, or was cancelled: from then on the interval counts; zero before the first
	Needs     int       // what Inserted must reach before another run makes sense, after one found too few rows
	Failures  int       // failed runs in a row
	NotBefore time.Time // when the back-off after a failure ends
	LastError string    // why the last run failed; "" when it did not
	Paused    bool      // a person said wait
	Latest    int       // the highest run number known
	Running   int       // the run at work, 0 for none
	Queued    int       // the run that waits for it, or for a worker, 0 for none
	Attempt   int       // how often the run at work, or else the queued one, was handed to workers anew
	Handed    time.Time // when that was, or when the run was requested or began
	Rebuilt   time.Time // when this was last told again by S3
	Drifted   float64   // how far questions lie from what the champion learnt, as predictors say; 0 where nobody says it, or nobody asked them
	At        time.Time // when all this was read, by the one clock that Since, NotBefore and Handed are of; zero: any clock will do
}

// Now returns the time to compare the state's times with: of the clock that they come from, or else of the given one.
func (s *State) Now(clock func() time.Time) time.Time {
	if s.At.IsZero() {
		return clock()
	}
	return s.At
}

// The most that honest clocks differ: S3 refuses whoever is off by more.
const mostSkew = 15 * time.Minute

// Due reports whether a training should be requested now, and why. It stays true until the rows are taken, so a request
// that is lost is made again. A model whose next run already waits is not due: that run will cover what came meanwhile.
func (t Trigger) Due(s State, now time.Time) (Reason, bool) {
	switch {
	case s.Paused, s.Queued != 0, s.Inserted < s.Needs, s.backsOff(now):
		return "", false
	case t.Inserts > 0 && s.Inserted-s.SetAside >= t.Inserts:
		return ByInserts, true
	case t.Every > 0 && (!now.Before(s.Since.Add(t.Every)) || s.Since.After(now.Add(mostSkew))):
		return ByInterval, true // a training in the future: the clock was set back, and would keep us waiting until then
	case t.Drift > 0 && s.Drifted >= t.Drift && s.Inserted > s.SetAside && s.Running == 0: // the same rows would give the same version
		return ByDrift, true
	}
	return "", false
}

// backsOff reports whether the model waits after a failure. No back-off is longer than the longest: one that seems so was
// noted when the clock was ahead.
func (s *State) backsOff(now time.Time) bool {
	return now.Before(s.NotBefore) && s.NotBefore.Before(now.Add(longestBackoff+mostSkew))
}

// Due reports whether a training of m should be requested now, and why.
func (m *Model) Due(s State, clock func() time.Time) (Reason, bool) {
	s.Paused = m.Paused != nil
	return m.Trigger().Due(s, s.Now(clock))
}

const longestBackoff = time.Hour

// Backoff returns how long to wait after so many failures in a row: 10 s, doubled each time, at most an hour.
func Backoff(failures int) time.Duration {
	const first = 10 * time.Second
	if failures < 1 {
		return 0
	}
	return min(first<<min(failures-1, 10), longestBackoff)
}
