package retrain

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// A Batch is the records of one insert. Its ID makes the insert idempotent: the same batch sent twice is stored once.
type Batch struct {
	ID       string
	Resource string
	At       time.Time // when it was inserted; of two records with the same id the later wins, of the same moment that of the greater batch id
	Records  []Record
	Fresh    bool // its id was made up just now: it was never sent before
	Gone     bool // the records with these ids are deleted; nothing but the ids is looked at
}

// A RecordLog keeps batches.
type RecordLog interface {
	// Append stores a batch durably and reports whether it is new. A batch whose id was stored before is left as it was.
	Append(ctx context.Context, b Batch) (stored bool, err error)
}

// A Rememberer is a RecordLog that puts old batches together.
type Rememberer interface {
	// WasAbsorbed reports whether a batch is one of those.
	WasAbsorbed(ctx context.Context, resource, batch string) (bool, error)
}

// A Counter counts what models have not learnt yet.
type Counter interface {
	// Count adds rows of a batch to a model's state, once per batch however often it is called, and returns the state. It
	// returns NotFoundError for a model whose state has to be rebuilt first; nothing is counted then.
	Count(ctx context.Context, model, batch string, rows int) (State, error)
}

// An Inserter stores batches, counts them for each model that learns from them and requests the trainings that become due.
type Inserter struct {
	Catalog *Catalog
	Records RecordLog
	Counter Counter
	Accepts func(m *Model, records []Record) (int, error) // how many records the model's partition and filter accept
	Request func(ctx context.Context, m *Model, s State, why Reason) error
	Tracer  Tracer // nil: nothing is followed
	Now     func() time.Time
	Log     *slog.Logger

	updating sync.Mutex // held while records are read, changed and stored
}

// Inserted is the answer to an insert.
type Inserted struct {
	Resource   string   `json:"resource"`
	Inserted   int      `json:"inserted"`   // records stored
	Batches    int      `json:"batches"`    // objects stored
	Duplicates int      `json:"duplicates"` // records of batches that had been stored before
	Triggered  []string `json:"triggered"`  // models whose training became due
}

// Insert stores b and counts it. When it returns without an error the records are in S3. What could not be counted or
// requested, because Redis was away, is found by the next sweep: it is logged and is no error of the insert.
func (in *Inserter) Insert(ctx context.Context, b Batch) (answer Inserted, err error) {
	ctx, end := begin(ctx, in.Tracer, "insert", "resource", b.Resource, "batch", b.ID, "records", len(b.Records))
	defer func() { end(err) }()
	answer = Inserted{Resource: b.Resource, Triggered: []string{}}
	if err := in.native(ctx, b.Resource); err != nil {
		return answer, err
	}
	models, err := in.Catalog.Learners(ctx, b.Resource)
	if err != nil {
		return answer, err
	}
	accepted := make([]int, len(models))
	for i, m := range models { // before anything is stored: a filter that fails on a record refuses the whole batch
		if b.Gone {
			continue // there is nothing to learn from it
		}
		if accepted[i], err = in.Accepts(m, b.Records); err != nil {
			return answer, err
		}
	}
	stored, err := in.Records.Append(ctx, b)
	if err != nil {
		return answer, err
	}
	if stored {
		answer.Inserted, answer.Batches = len(b.Records), 1
	} else {
		answer.Duplicates = len(b.Records)
		if old, ok := in.Records.(Rememberer); ok { // whoever puts batches together sees to it that they are counted
			if is, err := old.WasAbsorbed(ctx, b.Resource, b.ID); is || err != nil {
				return answer, err
			}
		}
	}
	for i, m := range models { // a duplicate too: whoever sent it first may have died before counting
		triggered, err := in.count(ctx, m, b.ID, accepted[i])
		if err != nil {
			in.Log.WarnContext(ctx, "stored, not counted yet; the next sweep will", "model", m.Name, "batch", b.ID, "err", err)
		} else if triggered {
			answer.Triggered = append(answer.Triggered, m.Name)
		}
	}
	return answer, nil
}

// native returns an error for a resource whose records are not ours, and for none.
func (in *Inserter) native(ctx context.Context, resource string) error {
	r, err := in.Catalog.Resource(ctx, resource)
	if err == nil && !r.Native() {
		err = Errorf(DataValidationError, "resource %q is read from %s: nothing can be inserted into it", r.Name, r.Source)
	}
	return err
}

func (in *Inserter) count(ctx context.Context, m *Model, batch string, rows int) (triggered bool, err error) {
	s, err := in.Counter.Count(ctx, m.Name, batch, rows)
	if err != nil {
		return false, err
	}
	why, due := m.Due(s, in.Now)
	if !due {
		return false, nil
	}
	return true, in.Request(ctx, m, s, why)
}
