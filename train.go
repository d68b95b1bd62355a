package retrain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// Runs keeps what a worker writes of a run. Each object is written once.
type Runs interface {
	RunStore
	// StartRun stores the start; where one exists, that one is returned and holds.
	StartRun(ctx context.Context, id RunID, s Start) (Start, error)
	// FinishRun stores the verdict; where one exists, that one is returned and holds.
	FinishRun(ctx context.Context, id RunID, r Result) (Result, error)
	// Checkpoint returns what SaveCheckpoint stored last, and nil where there is nothing.
	Checkpoint(ctx context.Context, id RunID) ([]byte, error)
	SaveCheckpoint(ctx context.Context, id RunID, state []byte) error
	// Imported returns the file that a model's import names by its digest, or a NotFoundError.
	Imported(ctx context.Context, model, sha256 string) ([]byte, error)
}

// Leases sees to it that a run has one worker.
type Leases interface {
	// Acquire takes the lease on a run, or returns a ConflictError while somebody else has it. The lease is renewed until release
	// is called; the returned context ends, with a ConflictError as its cause, when it was lost. It expires within seconds of its
	// holder's death.
	Acquire(ctx context.Context, id RunID) (held context.Context, release func(), err error)
}

// A RunLedger moves the count with the run.
type RunLedger interface {
	// Take marks a run as at work and takes the rows of its batches out of the count. Again, it changes nothing. It returns a
	// ConflictError while another run of the model is at work. Take and Settle return a NotFoundError for a model whose state
	// has to be rebuilt first.
	Take(ctx context.Context, id RunID, batches []string, at time.Time) error
	// Settle ends a run: what it took is learnt, or is given back. Again, it changes nothing. It returns the state.
	Settle(ctx context.Context, id RunID, o Outcome) (State, error)
	// SetProgress shows how far a run has come; it is forgotten when it's not renewed.
	SetProgress(ctx context.Context, model string, p Progress) error
}

// A Training works runs off.
type Training struct {
	Catalog  *Catalog
	Runs     Runs
	Source   Source
	Leases   Leases
	Ledger   RunLedger
	Fitter   Fitter
	Registry Registry
	Fetch    func(ctx context.Context, model string, version int, dir string) (Version, error) // a version's files to a local folder
	Queue    Queue
	Events   Announcer
	Now      func() time.Time
	Log      *slog.Logger
}

// Do works a run off, from wherever it stands to its verdict. It may be called again after any crash, by anybody: each step
// finds out whether it was done. An error means that the run has no verdict yet and should be tried again.
func (t *Training) Do(ctx context.Context, id RunID) error {
	held, release, err := t.Leases.Acquire(ctx, id)
	if errors.Is(err, ConflictError) {
		return nil // somebody is at it
	} else if err != nil {
		return err
	}
	defer release()
	run, err := t.Runs.Run(held, id)
	if err != nil {
		return err
	}
	if run.Result == nil {
		result, err := t.work(held, &run)
		if err != nil {
			return err
		}
		if result, err = t.Runs.FinishRun(held, id, result); err != nil {
			return err
		}
		run.Result = &result
	}
	return t.conclude(held, &run)
}

// work trains and returns the verdict. Only what a later attempt can mend is an error.
func (t *Training) work(ctx context.Context, run *Run) (Result, error) {
	began := t.Now()
	result, err := t.train(ctx, run)
	if err != nil {
		if ctx.Err() != nil {
			return result, context.Cause(ctx)
		}
		if errors.Is(err, UnavailableError) || errors.Is(err, ConflictError) {
			return result, err
		}
		result = failure(err)
	}
	result.EndedAt = t.Now().UTC()
	result.DurationSeconds = result.EndedAt.Sub(began).Seconds()
	return result, nil
}

// train is the run: snapshot → fit → gate → publish.
func (t *Training) train(ctx context.Context, run *Run) (Result, error) {
	start, err := t.start(ctx, run)
	if err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp("", "retrain-"+run.ID.String()+"-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	fit, err := t.fit(ctx, run, start, dir)
	if err != nil {
		return Result{}, err
	}
	verdict, err := t.judge(ctx, run, start.Model.Promote, &fit)
	if err != nil {
		return Result{}, err
	}
	result := Result{State: Rejected, Samples: fit.Samples, Epochs: fit.Epochs, Loss: fit.Loss, Metrics: fit.Metrics, Why: verdict.Why}
	if !*start.Model.SaveModel {
		result.Why = "saveModel is false: nothing was published"
		return result, nil
	}
	result.Version = run.ID.Number
	if err := t.publish(ctx, run, start, fit, dir+"/version"); err != nil {
		return result, fmt.Errorf("publish: %w", err)
	}
	if verdict.Promote {
		result.State = Published
		err = t.promote(ctx, run.ID, verdict.Why)
	}
	return result, err
}

// start names what the run learns from and takes those rows out of the count. A resumed run gets what it had.
func (t *Training) start(ctx context.Context, run *Run) (Start, error) {
	if run.Start == nil {
		m, err := t.Catalog.Model(ctx, run.ID.Model)
		if err != nil {
			return Start{}, err
		}
		r, err := t.Catalog.Resource(ctx, m.Resource)
		if err != nil {
			return Start{}, err
		}
		begin := Start{BeganAt: t.Now().UTC(), Model: m.WithDefaults(), Dataset: Dataset{Resource: r.Name}}
		if run.Import != nil {
			begin.Model = run.Import.Spec.WithDefaults()
		} else if begin.Dataset, err = t.Source.Snapshot(ctx, r, m.Partition); err != nil {
			return Start{}, fmt.Errorf("snapshot: %w", err)
		}
		start, err := t.Runs.StartRun(ctx, run.ID, begin)
		if err != nil {
			return Start{}, err
		}
		run.Start = &start
	}
	err := t.Ledger.Take(ctx, run.ID, run.Start.Dataset.Batches(), run.Start.BeganAt)
	if errors.Is(err, NotFoundError) { // the ledger was lost; who rebuilds it reads the start
		err = nil
	}
	return *run.Start, err
}

func (t *Training) fit(ctx context.Context, run *Run, start Start, dir string) (Fit, error) {
	job := Job{Model: start.Model, Data: t.Source.Tables(ctx, start.Dataset), Dir: dir + "/version"}
	if err := os.Mkdir(job.Dir, 0o750); err != nil {
		return Fit{}, err
	}
	var err error
	if run.Import != nil {
		if job.Import, err = t.Runs.Imported(ctx, run.ID.Model, run.Import.SHA256); err != nil {
			return Fit{}, fmt.Errorf("import: %w", err)
		}
		return t.Fitter.Fit(ctx, job)
	}
	if err := t.withChampion(ctx, run, &job, dir+"/champion"); err != nil {
		return Fit{}, err
	}
	if job.Checkpoint, err = t.Runs.Checkpoint(ctx, run.ID); err != nil {
		return Fit{}, err
	}
	job.SaveCheckpoint = func(ctx context.Context, state []byte) error { return t.Runs.SaveCheckpoint(ctx, run.ID, state) }
	job.Progress = func(p Progress) {
		p.Run, p.State = run.ID.String(), Running
		if err := t.Ledger.SetProgress(ctx, run.ID.Model, p); err != nil { // nobody sees it; the fit goes on
			t.Log.DebugContext(ctx, "progress", "run", p.Run, "err", err)
		}
	}
	return t.Fitter.Fit(ctx, job)
}

// withChampion fetches the champion where the fit continues from it or must beat it.
func (t *Training) withChampion(ctx context.Context, run *Run, job *Job, dir string) error {
	compare := job.Model.Promote.Rule == "improve"
	if run.ResetWeights && !compare {
		return nil
	}
	c, err := t.Registry.MoveChampion(ctx, run.ID.Model, stay)
	if errors.Is(err, ModelNotTrainedError) {
		return nil
	} else if err != nil {
		return err
	}
	v, err := t.Fetch(ctx, run.ID.Model, c.Version, dir)
	if err != nil {
		return fmt.Errorf("champion %d: %w", c.Version, err)
	}
	if compare {
		job.Champion = v
	}
	if !run.ResetWeights {
		job.Continue = v
	}
	return nil
}

func stay(c Champion) (Champion, bool) { return c, false }

func (t *Training) publish(ctx context.Context, run *Run, start Start, fit Fit, dir string) error {
	mf := Manifest{Format: 1, Model: run.ID.Model, Version: run.ID.Number, RequestedAt: run.RequestedAt, Reason: run.Reason,
		Spec: start.Model, Dataset: start.Dataset, Fit: fit}
	if run.Import != nil {
		mf.Origin = &run.Import.Origin
	}
	_, err := t.Registry.Publish(ctx, mf, os.DirFS(dir))
	return err
}

func (t *Training) promote(ctx context.Context, id RunID, why string) error {
	_, err := t.Registry.MoveChampion(ctx, id.Model, func(c Champion) (Champion, bool) { return c.Next(id.Number, t.Now(), why) })
	if err != nil {
		return fmt.Errorf("promote %s: %w", id, err)
	}
	return nil
}

// conclude tells the others about a verdict that is in S3 already: the ledger, whoever follows the events, and the run that
// waited for this one to end.
func (t *Training) conclude(ctx context.Context, run *Run) error {
	r := run.Result
	t.Log.InfoContext(ctx, "run ended", "run", run.ID.String(), "state", r.State, "version", r.Version, "samples", r.Samples, "loss", r.Loss, "err", r.Error)
	e := Event{Type: RunEnded, Model: run.ID.Model, Run: run.ID.Number, State: r.State, Version: r.Version, At: r.EndedAt, Error: r.Error}
	if err := t.Events.Announce(ctx, e); err != nil { // a hint lost: who missed it looks for himself
		t.Log.WarnContext(ctx, "announce", "run", run.ID.String(), "err", err)
	}
	s, err := t.Ledger.Settle(ctx, run.ID, run.outcome())
	if errors.Is(err, NotFoundError) { // the ledger was lost meanwhile; who rebuilds it reads the verdict
		return nil
	}
	if err != nil || s.Queued == 0 {
		return err
	}
	next, err := t.Runs.Run(ctx, RunID{run.ID.Model, s.Queued})
	if err != nil || next.Result != nil {
		return err
	}
	return t.Queue.Enqueue(ctx, next.ID, s.Attempt, run.lane(), next.Reason)
}
