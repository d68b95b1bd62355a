package mlcore

import (
	"context"
	"errors"
	"time"

	"retrain"
)

// A reporter does what is due between two slices.
type reporter struct {
	*fit
	training *training
	of       string // what its checkpoints are of
	began    time.Time
	saved    time.Time // when the last checkpoint was
	first    float64   // the epochs that were done when it began; a resumed fit has some
}

// How long a cancelled fit may take to write its state down.
const lastWords = 10 * time.Second

// between shows how far the fit has come, and saves its state when that is due or when ctx has ended.
func (r *reporter) between(ctx context.Context) error {
	s := r.training.state
	if r.Progress != nil {
		r.Progress(r.progress(s))
	}
	if ctx.Err() != nil {
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer stop()
		return errors.Join(context.Cause(ctx), r.save(last, s))
	}
	if time.Since(r.saved) < r.engine.checkpointEvery() {
		return nil
	}
	return r.save(ctx, s)
}

func (r *reporter) save(ctx context.Context, s *state) error {
	if r.SaveCheckpoint == nil {
		return nil
	}
	b, err := s.checkpoint(r.of)
	if err != nil {
		return err
	}
	r.saved = time.Now()
	return r.SaveCheckpoint(ctx, b)
}

func (r *reporter) progress(s *state) retrain.Progress {
	t := r.training
	done := t.done()
	p := retrain.Progress{CurrentEpoch: min(s.Epoch+1, t.epochs), TotalEpochs: t.epochs, ProgressPercentage: 100 * done / float64(t.epochs), Samples: r.data.Rows}
	if trained := done - r.first; trained > 0 {
		p.EstimatedRemainingSeconds = time.Since(r.began).Seconds() / trained * (float64(t.epochs) - done)
	}
	if n := len(s.Losses); n > 0 {
		p.TrainMetrics = map[string]float64{"loss": s.Losses[n-1]}
	}
	if n := len(s.ValLosses); n > 0 {
		p.EvalMetrics = map[string]float64{"loss": s.ValLosses[n-1]}
	}
	p.Curve = curveOf(s)
	return p
}

// mostCurve bounds the points of a curve, which is written between slices.
const mostCurve = 120

// curveOf returns the losses so far: of all epochs, or of some where they are many, the last one among them. nil before the first.
func curveOf(s *state) *retrain.Curve {
	n := len(s.Losses)
	if n == 0 {
		return nil
	}
	c := new(retrain.Curve)
	points := min(n, mostCurve)
	for i := range points {
		epoch := n * (i + 1) / points
		c.Epochs, c.Losses = append(c.Epochs, epoch), append(c.Losses, sixDigits(s.Losses[epoch-1]))
		if epoch <= len(s.ValLosses) {
			c.ValLosses = append(c.ValLosses, sixDigits(s.ValLosses[epoch-1]))
		}
	}
	return c
}

// done returns how many epochs were trained, and which part of the next.
func (t *training) done() float64 {
	s := t.state
	if t.extent.loads == 0 { // it has not begun
		return float64(s.Epoch)
	}
	load := float64(s.Step) / float64(max(1, t.extent.steps))
	return float64(s.Epoch) + (float64(s.Load)+load)/float64(t.extent.loads)
}
