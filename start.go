package retrain

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// start names what the run learns from and takes those rows out of the count. A resumed run gets what it had.
func (t *Training) start(ctx context.Context, run *Run) (Start, error) {
	if run.Start == nil {
		begin, err := t.begin(ctx, run)
		if err != nil {
			return Start{}, err
		}
		start, err := t.Runs.StartRun(ctx, run.ID, begin)
		if err != nil {
			return Start{}, err
		}
		run.Start = &start
	}
	err := t.take(ctx, run)
	if errors.Is(err, NotFoundError) { // the ledger was lost; who rebuilds it reads the start
		err = nil
	}
	return *run.Start, err
}

// begin returns the start of a run that nobody has begun yet, when it fits into this machine.
func (t *Training) begin(ctx context.Context, run *Run) (begin Start, err error) {
	m, err := t.Catalog.Model(ctx, run.ID.Model)
	if err != nil {
		return begin, err
	}
	r, err := t.Catalog.Resource(ctx, m.Resource)
	if err != nil {
		return begin, err
	}
	begin = Start{BeganAt: t.Now().UTC(), Model: m.WithDefaults(), Dataset: Dataset{Resource: r.Name}}
	if run.Import != nil {
		begin.Model = run.Import.Spec.WithDefaults()
	} else if begin.Dataset, err = t.Source.Snapshot(ctx, r, m.Partition); err != nil {
		return begin, fmt.Errorf("snapshot: %w", err)
	}
	if begin.Champion, err = t.base(ctx, run, &begin.Model); err != nil || t.Admit == nil {
		return begin, err
	}
	return begin, t.admit(ctx, run, &begin)
}

// base returns the version that a run begins with, or must beat; 0 for none. A resumed run keeps the one that it began with,
// whichever is champion then.
func (t *Training) base(ctx context.Context, run *Run, m *Model) (int, error) {
	if run.Import != nil || run.ResetWeights && m.Promote.Rule != "improve" {
		return 0, nil
	}
	c, err := t.Registry.MoveChampion(ctx, run.ID.Model, stay)
	if errors.Is(err, ModelNotTrainedError) {
		return 0, nil
	}
	return c.Version, err
}

func stay(c Champion) (Champion, bool) { return c, false }

// admit asks whether the run fits into this machine, and shows what it waits for.
func (t *Training) admit(ctx context.Context, run *Run, s *Start) error {
	err := t.Admit(ctx, s)
	if errors.Is(err, UnavailableError) {
		p := Progress{Run: run.ID.String(), State: Queued, TotalEpochs: s.Model.ModelConfig.Epochs, Why: err.Error()}
		if e, ok := errors.AsType[*Error](err); ok {
			p.Why = e.Message
		}
		if e := t.Ledger.SetProgress(ctx, run.ID.Model, p); e != nil {
			t.Log.DebugContext(ctx, "progress", "run", p.Run, "err", e)
		}
	}
	return err
}

// take takes the rows of a run's data set out of the count.
func (t *Training) take(ctx context.Context, run *Run) error {
	d := &run.Start.Dataset
	if d.Absorbed > 0 && t.Fold != nil {
		if err := t.Fold(ctx, &run.Start.Model, *d); err != nil {
			return err
		}
	}
	return t.Ledger.Take(ctx, run.ID, d.Batches())
}

// retake takes the rows of a run that has its verdict once more: the ledger may not know that they were taken, when Redis was
// restored from a copy meanwhile, or since somebody else worked the run off, and died before it was settled.
func (t *Training) retake(ctx context.Context, run *Run) error {
	if run.Start == nil {
		return nil
	}
	err := t.take(ctx, run)
	if errors.Is(err, NotFoundError) { // it has to be rebuilt first
		return nil
	}
	return err // also where the ledger has an earlier run at work: that one is settled first
}

// limited returns a context that ends when the run has had its time.
func (s *Start) limited(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	most := time.Duration(s.Model.MaxRunTime)
	if most <= 0 {
		return ctx, func() {}
	}
	err := Errorf(TrainingError, "not ready after %s, which is its maxRunTime", most).WithHint("raise maxRunTime, or ask for fewer epochs")
	return context.WithTimeoutCause(ctx, s.BeganAt.Add(most).Sub(now), err)
}
