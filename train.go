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
	// ConflictError while another run of the model is at work, and for absorptions that were not folded. Take and Settle return a NotFoundError for a model whose state
	// has to be rebuilt first.
	Take(ctx context.Context, id RunID, batches []string) error
	EndedLedger
	// SetProgress shows how far a run has come; it is forgotten when it's not renewed. It returns a ConflictError for a run that
	// has ended.
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
	Admit    func(ctx context.Context, s *Start) error            // an UnavailableError while the run doesn't fit into this machine; nil: everything does
	Fold     func(ctx context.Context, m *Model, d Dataset) error // Sweeper.Fold; nil where no source puts batches together
	Ended    func(*Run)                                           // is told of each verdict that is reached here, once it is stored; nil: nobody is
	Tracer   Tracer                                               // nil: nothing is followed
	Now      func() time.Time
	Log      *slog.Logger
}

// Do works a run off, from wherever it stands to its verdict. It may be called again after any crash, by anybody: each step
// finds out whether it was done. An error means that the run has no verdict yet and should be tried again.
func (t *Training) Do(ctx context.Context, id RunID) error {
	ctx = id.Within(ctx)
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
	held, end := begin(within(held, t.Tracer, run.Trace), t.Tracer, "run", "run", id.String(), "model", id.Model)
	err = t.toTheEnd(ctx, held, &run)
	end(err)
	return err
}

// toTheEnd gives a run its verdict while its lease is held, unless it has one, and does what follows from it.
func (t *Training) toTheEnd(ctx, held context.Context, run *Run) error {
	if run.Result == nil {
		result, err := t.work(held, run)
		if err != nil {
			return t.unlessEnded(ctx, run.ID, err)
		}
		if result, err = t.Runs.FinishRun(held, run.ID, result); err != nil {
			return err
		}
		run.Result = &result
		t.endings().ended(run)
	}
	if err := t.retake(held, run); err != nil {
		return err
	}
	return t.endings().Conclude(held, run)
}

// unlessEnded returns the error of an attempt, and nil where the run got its verdict meanwhile: it was cancelled.
func (t *Training) unlessEnded(ctx context.Context, id RunID, err error) error {
	if !errors.Is(err, ConflictError) {
		return err
	}
	if run, e := t.Runs.Run(ctx, id); e == nil && run.Result != nil {
		t.Log.InfoContext(ctx, "stopped: the run has ended", "run", id.String(), "state", run.Result.State)
		return nil
	}
	return err
}

// work trains and returns the verdict. Only what a later attempt can mend is an error.
func (t *Training) work(ctx context.Context, run *Run) (Result, error) {
	start, err := t.start(ctx, run)
	if err != nil {
		return t.verdict(ctx, run, Result{}, err)
	}
	limited, stop := start.limited(ctx, t.Now())
	defer stop()
	result, err := t.train(limited, run, start)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		err = context.Cause(limited)
	}
	return t.verdict(ctx, run, result, err)
}

// verdict is the result of an attempt, or the error that another attempt may not meet.
func (t *Training) verdict(ctx context.Context, run *Run, result Result, err error) (Result, error) {
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
	if run.Start != nil {
		result.DurationSeconds = result.EndedAt.Sub(run.Start.BeganAt).Seconds()
	}
	return result, nil
}

// train is the run: fit → gate → publish. What follows from the verdict is for after it is written.
func (t *Training) train(ctx context.Context, run *Run, start Start) (Result, error) {
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
	}
	return result, nil
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
	if err := t.withChampion(ctx, run, start.Champion, &job, dir+"/champion"); err != nil {
		return Fit{}, err
	}
	if job.Checkpoint, err = t.Runs.Checkpoint(ctx, run.ID); err != nil {
		return Fit{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	job.SaveCheckpoint = func(saving context.Context, state []byte) error {
		if err := context.Cause(ctx); errors.Is(err, ConflictError) {
			return err // the run is somebody else's, or has ended
		}
		return t.Runs.SaveCheckpoint(saving, run.ID, state)
	}
	spans := &fitSpans{ctx: ctx, tracer: t.Tracer, now: t.Now}
	spans.next()
	defer spans.last()
	job.Progress = func(p Progress) {
		spans.done(p)
		p.Run, p.State = run.ID.String(), Running
		err := t.Ledger.SetProgress(ctx, run.ID.Model, p)
		if errors.Is(err, ConflictError) {
			stop(err)
		} else if err != nil { // nobody sees it; the fit goes on
			t.Log.DebugContext(ctx, "progress", "run", p.Run, "err", err)
		}
	}
	return t.Fitter.Fit(ctx, job)
}

// withChampion fetches the version that the run began with, where the fit continues from it or must beat it.
func (t *Training) withChampion(ctx context.Context, run *Run, version int, job *Job, dir string) error {
	if version == 0 {
		return nil
	}
	v, err := t.Fetch(ctx, run.ID.Model, version, dir)
	if err != nil {
		return fmt.Errorf("version %d: %w", version, err)
	}
	if job.Model.Promote.Rule == "improve" {
		job.Champion = v
	}
	if !run.ResetWeights {
		job.Continue = v
	}
	return nil
}

func (t *Training) publish(ctx context.Context, run *Run, start Start, fit Fit, dir string) error {
	if now, err := t.Runs.Run(ctx, run.ID); err != nil {
		return err
	} else if now.Result != nil {
		return Errorf(ConflictError, "run %s has ended: %s", run.ID, now.Result.State)
	}
	mf := Manifest{Format: 1, Model: run.ID.Model, Version: run.ID.Number, RequestedAt: run.RequestedAt, Reason: run.Reason, By: run.By,
		Spec: start.Model, Dataset: start.Dataset, Fit: fit}
	if run.Import != nil {
		mf.Origin = &run.Import.Origin
	}
	if !run.ResetWeights {
		mf.Continues = start.Champion
	}
	ctx, end := begin(ctx, t.Tracer, "publish", "model", run.ID.Model, "version", run.ID.Number)
	_, err := t.Registry.Publish(ctx, mf, os.DirFS(dir))
	end(err)
	return err
}

// endings is what follows from the verdict.
func (t *Training) endings() *Endings {
	return &Endings{Catalog: t.Catalog, Runs: t.Runs, Registry: t.Registry, Ledger: t.Ledger, Queue: t.Queue, Events: t.Events,
		Ended: t.Ended, Tracer: t.Tracer, Now: t.Now, Log: t.Log}
}
