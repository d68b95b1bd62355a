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

// limited returns a context that ends when the run has had its time.
func (s *Start) limited(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	most := time.Duration(s.Model.MaxRunTime)
	if most <= 0 {
		return ctx, func() {}
	}
	err := Errorf(TrainingError, "not ready after %s, which is its maxRunTime", most).WithHint("raise maxRunTime, or ask for fewer epochs")
	return context.WithTimeoutCause(ctx, s.BeganAt.Add(most).Sub(now), err)
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

func stay(c Champion) (Champion, bool) { return c, false }

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
