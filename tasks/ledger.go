package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// A Ledger keeps the state of every model between its trainings. Each batch of a model is at any time in one place: not
// counted, pending, taken by the run at work, or learnt; its rows count while it is pending. It is safe for any number of
// processes.
type Ledger struct {
	Conn *Conn
	Now  func() time.Time // nil: the clock of the server, which is the same for everybody
}

var (
	_ retrain.Counter     = (*Ledger)(nil)
	_ retrain.Requested   = (*Ledger)(nil)
	_ retrain.RunLedger   = (*Ledger)(nil)
	_ retrain.SweepLedger = (*Ledger)(nil)
)

// How long a progress is shown that nobody renews.
const progressTTL = time.Minute

// How many batches one script is given: enough to be quick, and few enough not to hold up others, nor to exceed what Lua can
// pass on at once.
const chunk = 2000

// now returns the time for scripts, "" for the server's own.
func (l *Ledger) now() string {
	if l.Now == nil {
		return ""
	}
	return timeText(l.Now())
}

// Count adds rows of a batch to a model's state, once per batch however often it is called, and returns the state. It returns
// a NotFoundError for a model whose state has to be rebuilt first; nothing is counted then.
func (l *Ledger) Count(ctx context.Context, model, batch string, rows int) (retrain.State, error) {
	cmd := countScript.Run(ctx, l.Conn.Redis, foldKeys(model), l.now(), batch, rows)
	return l.state(cmd, model, "count "+model)
}

// CountAll counts batches by their rows, as Count does each, with few calls. It returns a NotFoundError for a model whose state has to
// be rebuilt first.
func (l *Ledger) CountAll(ctx context.Context, model string, rows map[string]int) error {
	for part := range slices.Chunk(slices.Sorted(maps.Keys(rows)), chunk/2) {
		args := make([]any, 0, 1+2*len(part))
		args = append(args, l.now())
		for _, batch := range part {
			args = append(args, batch, rows[batch])
		}
		if _, err := l.state(countScript.Run(ctx, l.Conn.Redis, foldKeys(model), args...), model, "count "+model); err != nil {
			return err
		}
	}
	return nil
}

// State returns what is known of a model, or a NotFoundError where its state has to be rebuilt.
func (l *Ledger) State(ctx context.Context, model string) (retrain.State, error) {
	cmd := stateScript.Run(ctx, l.Conn.Redis, []string{stateKey(model)}, l.now())
	return l.state(cmd, model, "state of "+model)
}

// Requested sets the model's queued run, if it is the next after those that are known and no other one waits. It returns the
// state, or a NotFoundError.
func (l *Ledger) Requested(ctx context.Context, id retrain.RunID) (retrain.State, error) {
	cmd := requestedScript.Run(ctx, l.Conn.Redis, []string{stateKey(id.Model)}, id.Number, l.now())
	return l.state(cmd, id.Model, "note "+id.String())
}

// SetProgress shows how far a run has come; it is forgotten when it is not renewed. It returns a ConflictError for a run that
// has ended.
func (l *Ledger) SetProgress(ctx context.Context, model string, p retrain.Progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	id, err := retrain.ParseRunID(p.Run)
	if err != nil {
		return err
	}
	keys := []string{stateKey(model), progressKey(model)}
	return l.Conn.fault(progressScript.Run(ctx, l.Conn.Redis, keys, id.Number, b, progressTTL.Milliseconds()).Err(), "progress of "+model)
}

// Progress returns how far a model's run has come, and false where nobody has shown it lately.
func (l *Ledger) Progress(ctx context.Context, model string) (p retrain.Progress, ok bool, err error) {
	b, err := l.Conn.Redis.Get(ctx, progressKey(model)).Bytes()
	if errors.Is(err, redis.Nil) {
		return p, false, nil
	} else if err != nil {
		return p, false, l.Conn.fault(err, "progress of "+model)
	}
	err = json.Unmarshal(b, &p)
	return p, err == nil, err
}

// state reads what a script returns: the state, or nil where there is none.
func (l *Ledger) state(cmd *redis.Cmd, model, doing string) (retrain.State, error) {
	pairs, err := cmd.StringSlice()
	if errors.Is(err, redis.Nil) {
		return retrain.State{}, noState(model)
	} else if err != nil {
		return retrain.State{}, l.Conn.fault(err, doing)
	}
	return readState(pairs)
}

func noState(model string) error {
	return retrain.Errorf(retrain.NotFoundError, "no state of model %q", model).WithHint("the next sweep rebuilds it: is a scheduler running?")
}
