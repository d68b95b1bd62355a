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
	*feed
	epochs   int
	rate     float64
	seed     uint64
	stopping *retrain.EarlyStopping
	shuffle  func(rows []int32, epoch, load int)
	state    *state
	extent   extent
	between  func(ctx context.Context) error // called between two slices
	pace     pace
}

// An extent is how long the epoch at work is: in loads, and the load at work in steps.
type extent struct{ loads, steps int }

// run trains from where the state stands to the end: all epochs, or as soon as the loss no longer falls.
func (t *training) run(ctx context.Context) error {
	for s := t.state; s.Epoch < t.epochs && !s.Stopped; {
		if err := t.epoch(ctx); err != nil {
			return err
		}
		if err := t.endEpoch(ctx); err != nil {
			return err
		}
		if err := t.between(ctx); err != nil {
			return err
		}
	}
	return nil
}

// epoch trains the rest of an epoch, load by load.
func (t *training) epoch(ctx context.Context) error {
	s, loads := t.state, t.loads(t.seed, t.state.Epoch)
	for t.extent.loads = len(loads); s.Load < len(loads); s.Load, s.Step = s.Load+1, 0 {
		if err := t.learn(ctx, loads[s.Load]); err != nil {
			return err
		}
	}
	return nil
}

// learn trains the rest of a load, slice by slice.
func (t *training) learn(ctx context.Context, segments []int) error {
	s := t.state
	rows, err := t.load(segments)
	if err != nil {
		return err
	}
	t.shuffle(rows, s.Epoch, s.Load)
	order := t.ordered(rows)
	defer order.Free()
	for t.extent.steps = t.plan.steps(len(rows)); s.Step < t.extent.steps; {
		if err := t.slice(order, len(rows), min(s.Step+t.pace.steps(), t.extent.steps)); err != nil {
			return err
		}
		if err := t.between(ctx); err != nil {
			return err
		}
	}
	return nil
}

// slice trains up to the step end of so many rows in one call.
func (t *training) slice(order *session.Tensor, rows, end int) error {
	s := t.state
	began := time.Now()
	feeds := []*session.Tensor{session.Scalar(int32(s.Step)), session.Scalar(int32(end)), session.Scalar(s.Number), session.Scalar(s.Loss), t.x, t.y}
	if t.plan.weighted {
		feeds = append(feeds, t.weights)
	}
	feeds = append(feeds, order, session.Scalar(int32(rows)), session.Scalar(uint32(t.seed)^uint32(t.seed>>32)), session.Scalar(float32(t.rate)))
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
func (t *training) endEpoch(ctx context.Context) error {
	s := t.state
	loss := float64(s.Loss) / float64(len(t.data.Train))
	monitored := loss
	s.Losses = append(s.Losses, loss)
	if len(t.data.Holdout) > 0 {
		valLoss, err := t.loss(ctx, t.data.Holdout, s.w)
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
	s.Epoch, s.Load, s.Step, s.Loss = s.Epoch+1, 0, 0, 0
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
	t.feed.free()
	for _, tensor := range slices.Concat(s.w, s.slots) {
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

// loss returns the mean loss of rows, which ascend.
func (t *training) loss(ctx context.Context, rows []int32, w []*session.Tensor) (float64, error) {
	return t.each(ctx, rows, w, func([]float32) {})
}

// answer returns what the network answers to rows, which ascend: [rows, outputs], as the network gives it.
func (t *training) answer(ctx context.Context, rows []int32, w []*session.Tensor) ([]float32, error) {
	answers := make([]float32, 0, len(rows)*t.plan.network.Width())
	_, err := t.each(ctx, rows, w, func(some []float32) { answers = append(answers, some...) })
	return answers, err
}

// each calls take with the network's answers to rows, some after the others, and returns the mean loss.
func (t *training) each(ctx context.Context, rows []int32, w []*session.Tensor, take func(answers []float32)) (float64, error) {
	sum, left := 0.0, rows
	for len(left) > 0 {
		if ctx.Err() != nil {
			return 0, t.between(ctx)
		}
		n := min(t.plan.chunk, t.fits(left))
		loss, answers, err := t.chunk(left[:n], w)
		if err != nil {
			return 0, err
		}
		sum, left = sum+loss, left[n:]
		take(session.View[float32](answers)[:n*t.plan.network.Width()])
		answers.Free()
	}
	return sum / float64(len(rows)), nil
}

// chunk returns the summed loss of rows that have room, and the answers to them and to those that fill the chunk up.
func (t *training) chunk(rows []int32, w []*session.Tensor) (float64, *session.Tensor, error) {
	back, err := t.window(span{int(rows[0]) - t.lookback, int(rows[len(rows)-1]) + 1})
	if err != nil {
		return 0, nil, err
	}
	chunk := session.New[int32](t.plan.chunk)
	defer chunk.Free()
	padded := session.View[int32](chunk)
	fill(padded[copy(padded, rows):], rows[0])
	for i := range padded {
		padded[i] -= int32(back)
	}
	results, err := t.judge.Run(append([]*session.Tensor{t.x, t.y, chunk, session.Scalar(int32(len(rows)))}, w...)...)
	if err != nil {
		return 0, nil, retrain.Errorf(retrain.TrainingError, "evaluate: %w", err)
	}
	defer results[0].Free()
	return float64(session.View[float32](results[0])[0]), results[1], nil
}

// sane refuses a loss that is no number.
func (t *training) sane(what string, loss float64) error {
	if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
		return nil
	}
	return retrain.Errorf(retrain.TrainingError, "the %s became %v in epoch %d, step %d", what, loss, t.state.Epoch+1, t.state.Step).
		WithHint("a smaller learningRate than %v often helps", t.rate)
}

// ordered returns a load's order as the program wants it: filled up with a row that exists.
func (t *training) ordered(rows []int32) *session.Tensor {
	order := session.New[int32](t.plan.train + t.plan.batch)
	v := session.View[int32](order)
	fill(v[copy(v, rows):], rows[0])
	return order
}

// shuffled puts rows into an order that depends on the seed and the place alone.
func shuffled(seed uint64) func(rows []int32, epoch, load int) {
	return func(rows []int32, epoch, load int) {
		r := rand.New(rand.NewPCG(seed, uint64(epoch)|uint64(load)<<40))
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
}

func fill(x []int32, v int32) {
	for i := range x {
		x[i] = v
	}
}
