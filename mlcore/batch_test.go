package mlcore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// untrained writes a network with its first weights and returns what runs its rows.
func untrained(t *testing.T, width, lookback int, layers []nn.Layer, output string) *rows {
	t.Helper()
	n := &nn.Network{Layers: layers, Output: output}
	p := &prep.Preparation{Format: 1, Lookback: lookback}
	for i := range width {
		p.Features = append(p.Features, prep.Feature{Name: fmt.Sprint("f", i), Form: prep.Numeric, Max: 1})
	}
	for i := range n.Width() {
		p.Targets = append(p.Targets, prep.Target{Name: fmt.Sprint("t", i), Max: 1})
	}
	dir := t.TempDir()
	if err := (&savedModel{network: n, preparation: p, weights: nn.First(n.Parameters(), 3)}).write(dir); err != nil {
		t.Fatal(err)
	}
	s, mg, err := session.Load(dir, session.Here())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	signature := mg.GetSignatureDef()[encodedSignature]
	call, err := s.Call([]string{signature.GetInputs()["x"].GetName()}, []string{signature.GetOutputs()["y"].GetName()})
	if err != nil {
		t.Fatal(err)
	}
	shape := []int{width}
	if lookback > 0 {
		shape = []int{lookback, width}
	}
	r, err := newRows(call, shape, n.Width())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func layer(in, units int, activation string) nn.Layer {
	return nn.Dense{In: in, Units: units, Activation: activation}
}

// Whoever is asked for at the same time, however many, in whatever order, and whoever runs out of time: each answer is bit for bit
// that of the row by itself, and who runs out of time in line is not computed.
func TestBatchingIsInvisible(t *testing.T) {
	for name, r := range map[string]*rows{
		"8-64-32-1":      untrained(t, 8, 0, []nn.Layer{layer(8, 64, "relu"), layer(64, 32, "relu"), layer(32, 1, "")}, "linear"),
		"5-1":            untrained(t, 5, 0, []nn.Layer{layer(5, 1, "")}, "linear"),
		"3-7-5-2":        untrained(t, 3, 0, []nn.Layer{layer(3, 7, "selu"), layer(7, 5, "elu"), layer(5, 2, "")}, "sigmoid"),
		"200-130-3":      untrained(t, 200, 0, []nn.Layer{layer(200, 130, "tanh"), layer(130, 3, "")}, "softmax"),
		"a series of 4":  untrained(t, 2, 4, []nn.Layer{nn.LSTM{In: 2, Units: 11, Steps: 4}, layer(11, 1, "")}, "linear"),
		"a series of 40": untrained(t, 2, 40, []nn.Layer{nn.LSTM{In: 2, Units: 11, Steps: 40}, layer(11, 1, "")}, "linear"),
	} {
		t.Run(name, func(t *testing.T) {
			if r.block == 0 {
				t.Error("no block makes rows independent")
			}
			rapid.Check(t, func(t *rapid.T) { checkBatching(t, r) })
		})
	}
}

// A question of the property: rows, and whether its time is over before it asks.
type question struct {
	x, y  []float32
	rows  int
	after time.Duration // until it gives up; 0: never
}

func checkBatching(t *rapid.T, r *rows) {
	b := &batcher{run: r.run, in: r.in, out: r.out, most: rapid.SampledFrom([]int{8, 24, 100, 1024}).Draw(t, "most"),
		atOnce: rapid.IntRange(1, 3).Draw(t, "at once"), queue: 1000}
	seed := rapid.Uint32().Draw(t, "seed")
	questions := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *question {
		n := rapid.OneOf(rapid.Just(1), rapid.IntRange(1, 9), rapid.IntRange(10, 150)).Draw(t, "rows")
		q := &question{rows: n, x: make([]float32, n*r.in), y: make([]float32, n*r.out)}
		for i := range q.x {
			seed = seed*1664525 + 1013904223
			q.x[i] = float32(seed>>8) / (1 << 24)
		}
		q.after = time.Duration(rapid.SampledFrom([]int{0, 0, 1, 50, 1000}).Draw(t, "patience")) * time.Microsecond
		return q
	}), 1, 20).Draw(t, "questions")
	var askers sync.WaitGroup
	for _, q := range questions {
		askers.Go(func() {
			ctx := context.Background()
			if q.after > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, q.after)
				defer cancel()
			}
			err := b.answer(ctx, q.x, q.rows, q.y)
			if errors.Is(err, context.DeadlineExceeded) && q.after > 0 {
				return
			}
			if err != nil {
				t.Error(err)
			}
			single := make([]float32, r.out)
			for i := range q.rows {
				if err := r.run(q.x[i*r.in:(i+1)*r.in], 1, single); err != nil {
					t.Error(err)
				}
				for j, want := range single {
					if got := q.y[i*r.out+j]; !sameBits(got, want) {
						t.Errorf("row %d of %d: got %v, want %v", i, q.rows, got, want)
						return
					}
				}
			}
		})
	}
	askers.Wait()
	if b.busy != 0 || len(b.line) != 0 {
		t.Errorf("%d runs at work and %d in line at the end", b.busy, len(b.line))
	}
}

// A recorder is a network that notes the sizes of its runs and takes a second for each.
type recorder struct {
	mu   sync.Mutex
	runs []int
}

func (r *recorder) run(x []float32, n int, y []float32) error {
	r.mu.Lock()
	r.runs = append(r.runs, n)
	r.mu.Unlock()
	time.Sleep(time.Second) // of virtual time
	copy(y, x)
	return nil
}

// ask asks rows numbered from first on and checks the answer.
func ask(t *testing.T, b *batcher, ctx context.Context, rows int) error {
	t.Helper()
	x, y := make([]float32, rows), make([]float32, rows)
	for i := range x {
		x[i] = float32(i + rows)
	}
	err := b.answer(ctx, x, rows, y)
	for i := range x {
		if err == nil && x[i] != y[i] {
			t.Errorf("got %v, want %v", y[i], x[i])
		}
	}
	return err
}

// Nobody waits while there is a free run; what came meanwhile goes together, in order, as far as it fits.
func TestWhoIsBatchedWithWhom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		b := &batcher{run: r.run, in: 1, out: 1, atOnce: 1, most: 10, queue: 5}
		var askers sync.WaitGroup
		for _, rows := range []int{3, 4, 5, 6, 2} {
			askers.Go(func() {
				if err := ask(t, b, t.Context(), rows); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		began := time.Now()
		askers.Wait()
		if got, want := fmt.Sprint(r.runs), "[3 9 8]"; got != want || time.Since(began) != 3*time.Second {
			t.Errorf("runs of %v rows in %v, want %v in 3s", got, time.Since(began), want)
		}
	})
}

// Whose time is over in line is told at once, and not computed; who would be one too many is told at once, too.
func TestWhoIsNotComputed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		b := &batcher{run: r.run, in: 1, out: 1, atOnce: 1, most: 10, queue: 2}
		var askers sync.WaitGroup
		askers.Go(func() { _ = ask(t, b, t.Context(), 1) })
		synctest.Wait()
		began := time.Now()
		hurry, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		askers.Go(func() {
			if err := ask(t, b, hurry, 2); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 300*time.Millisecond {
				t.Errorf("got %v after %v", err, time.Since(began))
			}
		})
		askers.Go(func() { _ = ask(t, b, t.Context(), 3) })
		synctest.Wait()
		if err := ask(t, b, t.Context(), 4); !errors.Is(err, retrain.OverloadedError) {
			t.Errorf("one too many: got %v", err)
		}
		askers.Wait()
		if err := ask(t, b, hurry, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too late from the start: got %v", err)
		}
		if got, want := fmt.Sprint(r.runs), "[1 3]"; got != want {
			t.Errorf("runs of %v rows, want %v", got, want)
		}
	})
}
