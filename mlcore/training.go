package mlcore

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"retrain"
	"retrain/mlcore/session"
)

// A training is a fit at work: a program, the data in tensors, and the state that it has come to.
type training struct {
	*program
	x, y, weights *session.Tensor // the plan's buckets of rows; weights only where the plan is weighted
	learn, judged []int32         // the rows to learn from, and those to judge by
	epochs        int
	rate          float64
	seed          uint64
	stopping      *retrain.EarlyStopping
	order         func(epoch int) []int32 // the rows to learn from, as an epoch takes them
	state         *state
	between       func(ctx context.Context) error // called between two slices
	pace          pace
}

// run trains from where the state stands to the end: all epochs, or as soon as the loss no longer falls.
func (t *training) run(ctx context.Context) error {
	for s := t.state; s.Epoch < t.epochs && !s.Stopped; {
		if err := t.epoch(ctx); err != nil {
			return err
		}
		if err := t.endEpoch(); err != nil {
			return err
		}
		if err := t.between(ctx); err != nil {
			return err
		}
	}
	return nil
}

// epoch trains the rest of an epoch, slice by slice.
func (t *training) epoch(ctx context.Context) error {
	s := t.state
	order := t.ordered(t.order(s.Epoch))
	defer order.Free()
	for steps := t.plan.steps(len(t.learn)); s.Step < steps; {
		if err := t.slice(order, min(s.Step+t.pace.steps(), steps)); err != nil {
			return err
		}
		if err := t.between(ctx); err != nil {
			return err
		}
	}
	return nil
}

// slice trains up to the step end of this epoch in one call.
func (t *training) slice(order *session.Tensor, end int) error {
	s := t.state
	began := time.Now()
	feeds := []*session.Tensor{session.Scalar(int32(s.Step)), session.Scalar(int32(end)), session.Scalar(s.Number), session.Scalar(s.Loss), t.x, t.y}
	if t.plan.weighted {
		feeds = append(feeds, t.weights)
	}
	feeds = append(feeds, order, session.Scalar(int32(len(t.learn))), session.Scalar(uint32(t.seed)^uint32(t.seed>>32)), session.Scalar(float32(t.rate)))
	results, err := t.train.Run(append(append(feeds, s.w...), s.slots...)...)
	if err != nil {
		return retrain.Errorf(retrain.TrainingError, "train: %w", err)
	}
	s.advance(results)
	t.pace.took(end-s.Step, time.Since(began))
	s.Step = end
	return t.sane("loss", float64(s.Loss))
}

// endEpoch notes the losses and decides whether another epoch makes sense.
func (t *training) endEpoch() error {
	s := t.state
	loss := float64(s.Loss) / float64(len(t.learn))
	monitored := loss
	s.Losses = append(s.Losses, loss)
	if len(t.judged) > 0 {
		valLoss, _, err := t.answer(t.judged, s.w)
		if err == nil {
			err = t.sane("validation loss", valLoss)
		}
		if err != nil {
			return err
		}
		s.ValLosses = append(s.ValLosses, valLoss)
		if t.stopping == nil || t.stopping.Monitor != "loss" {
			monitored = valLoss
		}
	}
	s.Epoch, s.Step, s.Loss = s.Epoch+1, 0, 0
	t.watch(monitored)
	return nil
}

// watch is early stopping: patience epochs without a loss lower by minDelta are the end.
func (t *training) watch(loss float64) {
	s, e := t.state, t.stopping
	if e == nil {
		return
	}
	if s.BestEpoch == 0 || loss < s.BestLoss-math.Abs(e.MinDelta) {
		s.BestEpoch, s.BestLoss, s.Waited = s.Epoch, loss, 0
		if e.RestoreBestWeights {
			s.remember()
		}
		return
	}
	s.Waited++
	s.Stopped = s.Waited >= e.Patience
}

// free gives the memory of data and state back.
func (t *training) free() {
	s := t.state
	if t.weights != nil {
		t.weights.Free()
	}
	for _, tensor := range append(slices.Concat(s.w, s.slots), t.x, t.y) {
		tensor.Free()
	}
	for _, tensor := range s.best {
		if !slices.Contains(s.w, tensor) {
			tensor.Free()
		}
	}
}

// final returns the weights that the fit has come to.
func (t *training) final() []*session.Tensor {
	if t.state.best != nil {
		return t.state.best
	}
	return t.state.w
}

// answer returns the mean loss of rows and what the network answers to each, [rows, outputs], as the network gives it.
func (t *training) answer(rows []int32, w []*session.Tensor) (float64, []float32, error) {
	sum, outputs := 0.0, t.plan.network.Width()
	answers := make([]float32, 0, len(rows)*outputs)
	for at := 0; at < len(rows); at += t.plan.chunk {
		n := min(t.plan.chunk, len(rows)-at)
		chunk := session.New[int32](t.plan.chunk)
		padded := session.View[int32](chunk)
		fill(padded[copy(padded, rows[at:at+n]):], rows[0])
		results, err := t.judge.Run(append([]*session.Tensor{t.x, t.y, chunk, session.Scalar(int32(n))}, w...)...)
		if err != nil {
			return 0, nil, retrain.Errorf(retrain.TrainingError, "evaluate: %w", err)
		}
		sum += float64(session.View[float32](results[0])[0])
		answers = append(answers, session.View[float32](results[1])[:n*outputs]...)
		for _, tensor := range append(results, chunk) {
			tensor.Free()
		}
	}
	return sum / float64(len(rows)), answers, nil
}

// sane refuses a loss that is no number.
func (t *training) sane(what string, loss float64) error {
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	return retrain.Errorf(retrain.TrainingError, "the %s became %v in epoch %d, step %d", what, loss, t.state.Epoch+1, t.state.Step).
		WithHint("a smaller learningRate than %v often helps", t.rate)
}

// ordered returns an epoch's order as the program wants it: filled up with a row that exists.
func (t *training) ordered(rows []int32) *session.Tensor {
	order := session.New[int32](t.plan.train + t.plan.batch)
	v := session.View[int32](order)
	fill(v[copy(v, rows):], rows[0])
	return order
}

// shuffled returns the rows in an order that depends on seed and epoch alone.
func shuffled(rows []int32, seed uint64) func(epoch int) []int32 {
	return func(epoch int) []int32 {
		order := append([]int32(nil), rows...)
		r := rand.New(rand.NewPCG(seed, uint64(epoch)))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		return order
	}
}

func fill(x []int32, v int32) {
	for i := range x {
		x[i] = v
	}
}
