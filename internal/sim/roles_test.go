package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"retrain"
)

var discard = slog.New(slog.DiscardHandler)

// accepts is what a filter and a partition do.
func accepts(m *retrain.Model, records []retrain.Record) (n int, _ error) {
	for _, r := range records {
		if m.Partition == nil || m.Partition.In(r) {
			n++
		}
	}
	return n, nil
}

func (n *node) requester() *retrain.Requester {
	return &retrain.Requester{Runs: n.runs, Queue: n.queue, Ledger: n.ledger, Now: n.now, Log: discard}
}

func (n *node) request(ctx context.Context, m *retrain.Model, s retrain.State, why retrain.Reason) error {
	_, err := n.requester().Request(ctx, m, s, why, true)
	if errors.Is(err, retrain.ConflictError) {
		_, err = n.sweeper().CatchUp(ctx, m, s.Latest)
	}
	return err
}

func (n *node) sweeper() *retrain.Sweeper {
	return &retrain.Sweeper{Catalog: n.catalog, Source: n.records, Ledger: n.ledger, History: n.runs, Watch: watch{n}, Queue: n.queue,
		Accepts: accepts, Request: n.request, Champion: n.shelf.Champion, Now: n.now, Log: discard}
}

type watch struct{ n *node }

func (w watch) Held(ctx context.Context, id retrain.RunID) (bool, error) {
	return w.n.leases.Held(ctx, id)
}

func (w watch) Waiting(ctx context.Context, id retrain.RunID, attempt int) (bool, error) {
	return w.n.queue.Waiting(ctx, id, attempt)
}

// healing has a lost state rebuilt before it counts, as the programs do.
type healing struct{ *node }

func (h healing) Count(ctx context.Context, model, batch string, rows int) (retrain.State, error) {
	s, err := h.ledger.Count(ctx, model, batch, rows)
	if errors.Is(err, retrain.NotFoundError) {
		if err = h.sweeper().SweepOnly(ctx, model); err == nil {
			s, err = h.ledger.Count(ctx, model, batch, rows)
		}
	}
	return s, err
}

func (n *node) inserter() *retrain.Inserter {
	return &retrain.Inserter{Catalog: n.catalog, Records: n.records, Counter: healing{n}, Accepts: accepts, Request: n.request, Now: n.now, Log: discard}
}

// wait sleeps as long as the process lives.
func (n *node) wait(d time.Duration) bool {
	select {
	case <-n.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// schedules is what a scheduler does.
func (n *node) schedules() {
	s := n.sweeper()
	k := &retrain.Keeper{Catalog: n.catalog, Attic: n.shelf, Runs: n.runs, State: n.ledger.State, Log: discard}
	for i := 0; ; i++ {
		_ = s.Sweep(n.ctx) // it tries again
		if i%30 == 0 {
			_ = s.Reconcile(n.ctx)
		}
		if i%10 == 5 {
			_ = k.Keep(n.ctx)
		}
		if *compacts && i%8 == 3 {
			_, _ = n.records.Compact(n.ctx, items)
		}
		if !n.wait(time.Second) {
			return
		}
	}
}

// trains is what a training worker does.
func (n *node) trains() {
	t := &retrain.Training{Catalog: n.catalog, Runs: n.runs, Source: n.records, Leases: n.leases, Ledger: n.ledger, Fitter: n, Registry: n.shelf,
		Fetch: n.shelf.Fetch, Queue: n.queue, Events: n.stream, Fold: n.sweeper().Fold, Now: n.now, Log: discard}
	for {
		task, err := n.queue.Next(n.random.IntN)
		if err == nil && task != nil {
			_ = n.queue.Done(task, t.Do(n.ctx, task.Run)) // where that gets lost, the task comes again
		}
		if !n.wait(300 * time.Millisecond) {
			return
		}
	}
}

// How many slices a fit has.
const fitSlices = 4

// learn is what a fit does to the weights in one slice.
func learn(weights string, slice int) string {
	sum := sha256.Sum256([]byte(weights + strconv.Itoa(slice)))
	return hex.EncodeToString(sum[:])
}

// begin is what the weights follow from: the model and all its records, in their order.
func begin(model string, tables func(yield func(*retrain.Table, error) bool)) (weights string, rows int, err error) {
	h := sha256.New()
	fmt.Fprint(h, model)
	for t, err := range tables {
		if err != nil {
			return "", 0, err
		}
		for r := range t.Records() {
			fmt.Fprint(h, r.ID(), " ")
			rows++
		}
	}
	return hex.EncodeToString(h.Sum(nil)), rows, nil
}

// Fit learns in slices, with a checkpoint after each. Some data cannot be learnt.
func (n *node) Fit(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	weights, rows, err := begin(job.Model.Name, job.Data)
	if err != nil {
		return retrain.Fit{}, err
	}
	if missing := job.Model.MinTrainingSamples - rows; missing > 0 {
		e := retrain.Errorf(retrain.InsufficientDataError, "%d rows", rows)
		e.Needs = missing
		return retrain.Fit{}, e
	}
	if n.diverges && weights[0] == 'f' {
		return retrain.Fit{}, retrain.Errorf(retrain.TrainingError, "the loss is no number")
	}
	slice := 0
	if job.Checkpoint != nil {
		if _, err := fmt.Sscan(string(job.Checkpoint), &slice, &weights); err != nil {
			return retrain.Fit{}, err
		}
	}
	defer n.atWork(job.Model.Name, rows)()
	for ; slice < fitSlices; slice++ {
		if !sleep(ctx, n.slice) {
			return retrain.Fit{}, context.Cause(ctx)
		}
		n.alone()
		weights = learn(weights, slice)
		if err := job.SaveCheckpoint(ctx, fmt.Append(nil, slice+1, " ", weights)); err != nil {
			return retrain.Fit{}, err
		}
	}
	fit := retrain.Fit{Samples: rows, Epochs: fitSlices, Metrics: map[string]float64{"mae": float64(weights[1])}}
	if job.Champion.Manifest != nil {
		fit.Champion = job.Champion.Manifest.Fit.Metrics
	}
	return fit, os.WriteFile(filepath.Join(job.Dir, "saved_model.pb"), []byte(weights), 0o600)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// predicts is what a prediction worker does.
func (n *node) predicts(dir string) {
	n.live = &retrain.Live{Catalog: n.catalog, Shelf: n.shelf, Events: n.stream, Load: n.load, Dir: dir, Poll: 30 * time.Second, Now: n.now, Log: discard}
	_ = n.live.Run(n.ctx) // it ends with the process
}

// A loaded version says its weights.
type loaded string

func (n *node) load(v retrain.Version) (retrain.Servable, error) {
	b, err := os.ReadFile(filepath.Join(v.Dir, "saved_model.pb"))
	return loaded(b), err
}

func (l loaded) Predict(context.Context, []retrain.Record) ([]retrain.Prediction, error) {
	return []retrain.Prediction{{Prediction: string(l)}}, nil
}

func (l loaded) Close() error { return nil }

func (l loaded) Size() int64 { return int64(len(l)) }
