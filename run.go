package retrain

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// A RunID names one training of one model. Its number is also the number of the version that it may publish, so that two
// workers on the same run can only ever publish the same version.
type RunID struct {
	Model  string
	Number int // from 1
}

// Within returns ctx as that of work for the run: whatever is logged with it names the run.
func (id RunID) Within(ctx context.Context) context.Context {
	return context.WithValue(ctx, runKey{}, id)
}

// RunIn returns the run that ctx is of work for, if it is of any.
func RunIn(ctx context.Context) (RunID, bool) {
	id, ok := ctx.Value(runKey{}).(RunID)
	return id, ok
}

// runKey is the key of a context's run.
type runKey struct{}

// String returns "price-7".
func (id RunID) String() string { return id.Model + "-" + strconv.Itoa(id.Number) }

// MarshalText returns the id as String does.
func (id RunID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *RunID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseRunID(string(b))
	return err
}

// ParseRunID reads "price-7". The model's own name may have hyphens.
func ParseRunID(s string) (RunID, error) {
	i := strings.LastIndexByte(s, '-')
	n, err := strconv.Atoi(s[i+1:])
	if i < 1 || err != nil || n < 1 {
		return RunID{}, Errorf(NotFoundError, "%q is not the id of a run", s).WithHint("a run is named like price-7")
	}
	return RunID{Model: s[:i], Number: n}, nil
}

// A RunState is how far a run has come. It is stored: never change a value.
type RunState string

// The states of a run. The first two are on the way, the others are verdicts.
const (
	Queued    RunState = "queued"
	Running   RunState = "running"
	Published RunState = "published"
	Rejected  RunState = "rejected" // published as a version, but the gate kept the champion
	Failed    RunState = "failed"
	Cancelled RunState = "cancelled"
)

// A Run is one training, from request to verdict. The request, the start and the result are three objects in S3, each
// written once.
type Run struct {
	ID           RunID     `json:"run"`
	Reason       Reason    `json:"reason"`
	RequestedAt  time.Time `json:"requestedAt"`
	By           string    `json:"by,omitempty"` // who asked for it, where that was a person
	ResetWeights bool      `json:"resetWeights"` // false: continue from the champion's weights
	Import       *Import   `json:"import,omitempty"`
	Trace        string    `json:"trace,omitempty"` // of what it was requested for, where that is followed; as Tracer.Mark names it

	Start  *Start  `json:"start,omitempty"`  // nil while queued
	Result *Result `json:"result,omitempty"` // nil until the verdict
}

// State returns how far the run has come.
func (r *Run) State() RunState {
	switch {
	case r.Result != nil:
		return r.Result.State
	case r.Start != nil:
		return Running
	}
	return Queued
}

// A Start is what a run saw when it began: the model as it was declared then, and its data. A resumed run uses the same.
type Start struct {
	BeganAt  time.Time `json:"beganAt"`
	Model    Model     `json:"model"`
	Dataset  Dataset   `json:"dataset"`
	Champion int       `json:"champion,omitempty"` // the version that it continues from, or is compared with
}

// A Result is the verdict on a run.
type Result struct {
	State           RunState           `json:"state"`
	EndedAt         time.Time          `json:"endedAt"`
	DurationSeconds float64            `json:"durationSeconds"`
	Version         int                `json:"version,omitempty"` // what it published
	Samples         int                `json:"samples,omitempty"`
	Epochs          int                `json:"epochs,omitempty"`
	Loss            float64            `json:"loss,omitempty"`
	Metrics         map[string]float64 `json:"metrics,omitempty"`
	Why             string             `json:"why,omitempty"` // the gate's answer, or who cancelled it
	Error           *Error             `json:"error,omitempty"`
	Needs           int                `json:"needs,omitempty"`    // rows missing to the minimum, after an InsufficientDataError
	SetAside        int                `json:"setAside,omitempty"` // rows not learnt when it was cancelled, which make no run due by themselves
}

// An Outcome is what a run's end means for its model's state.
type Outcome struct {
	Learnt    bool   // the rows are learnt; otherwise they are given back
	Cancelled bool   // all rows that are not learnt are set aside, and the interval begins anew
	Needs     int    // rows that are missing, on top of those given back, for another run to make sense
	Failed    bool   // counts as a failure: wait, longer each time
	Error     string // why it failed
	At        time.Time
}

// outcome returns what the verdict means for the model's state.
func (r *Run) outcome() Outcome {
	e := r.Result
	o := Outcome{Learnt: e.State == Published || e.State == Rejected, Cancelled: e.State == Cancelled, At: e.EndedAt, Needs: e.Needs}
	if e.State == Failed && e.Error != nil {
		o.Error = e.Error.Message
		// Too few rows wait for rows, not for time; and trainings need not wait because an import failed.
		o.Failed = e.Error.Code != InsufficientDataError && r.Import == nil
	}
	return o
}

// failure is the verdict on a training that no retry can mend.
func failure(err error) Result {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = Errorf(TrainingError, "%w", err)
	}
	return Result{State: Failed, Error: e, Needs: e.Needs}
}
