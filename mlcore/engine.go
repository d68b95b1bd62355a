// Package mlcore trains, stores and answers in TensorFlow, from Go alone.
//
// A fit reads from top to bottom in fit.go. What it does with TensorFlow is one program per plan: whole epochs in one call,
// built and differentiated in Go (step.go), run in slices (training.go) between which it shows progress, saves its state and
// heeds cancellation. Its files:
//
//	engine.go        the Fitter
//	fit.go           records → rows → program → training → metrics → files
//	architecture.go  which network a model is
//	device.go        what there is to train on
//	plan.go          what a program depends on, and whether compiling pays
//	step.go          one step, an epoch, a judgement as functions of TensorFlow
//	program.go       those functions in a session, kept for the next fit
//	compiled.go      what XLA compiled, kept for the next process
//	feed.go          the rows: all at once, or load by load
//	training.go      slices, epochs, early stopping
//	state.go         everything that a fit has come to, as bytes; reporter.go hands it on
//	exact.go         linear models without all that
//	continue.go      weights that begin where another version's ended
//	judgement.go     how good it is on the holdout, calibrated; metrics.go has the formulas
//	champion.go      how good the champion is on the same
//	savedmodel.go    the version's files; raw.go the signature that takes records' own values;
//	                 serving.go those that take tf.Examples; warmup.go what TensorFlow Serving asks first
//	details.go       what the manifest says besides; example.go what a version checks itself by
//	adopt.go         a version of a model that was trained elsewhere; package portable reads its file
//	load.go          a version that answers
//	forecast.go      a time series, step by step
//	importance.go    which features matter; shuffled.go the same on the holdout, at the end of each fit
package mlcore

import (
	"cmp"
	"context"
	"time"

	"retrain"
)

// An Engine is TensorFlow on this machine. The zero value works. It keeps the programs of earlier fits, so that a model whose
// data grow trains again without building and compiling. Any number of fits may run at once; those of the same program wait
// for each other.
type Engine struct {
	// CheckpointEvery is the least time between two checkpoints; 5 s. A fit that is cancelled writes one in any case.
	CheckpointEvery time.Duration

	// Memory is how many bytes of records, and how many bytes of encoded rows, a fit keeps in memory; 1 GiB. Larger data are
	// learnt load by load from files, up to 256 GiB of encoded rows: see feed. It is part of what decides the bytes of a
	// version, as the data are; how much of the machine is free is not.
	Memory int64
	// Dir is the folder for these files, which are gone with the process; os.TempDir.
	Dir string

	programs programs
	gpu      turn // one training at a time
	slice    int  // steps of a slice, for tests; 0: by time
}

var _ retrain.Fitter = (*Engine)(nil)

// Fit implements retrain.Fitter. It writes saved_model.pb, variables/, assets.extra/ and, where the model says so, training-data.jsonl.zst
// into job.Dir.
func (e *Engine) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	if job.Import != nil {
		return adopt(ctx, job)
	}
	f := &fit{Job: job, engine: e}
	if err := f.run(ctx); err != nil {
		return retrain.Fit{}, err
	}
	return f.result, nil
}

// Close frees what the engine keeps. No fit may be running.
func (e *Engine) Close() { e.programs.close() }

func (e *Engine) memory() int64 { return cmp.Or(e.Memory, 1<<30) }

func (e *Engine) checkpointEvery() time.Duration { return cmp.Or(e.CheckpointEvery, 5*time.Second) }
