package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain/mlcore/graph"
	"retrain/mlcore/nn"
	"retrain/mlcore/session"
)

const rows = 5

// TestGradients compares every layer's and every loss's gradients with central differences.
func TestGradients(t *testing.T) {
	layer := func(output string, layers ...nn.Layer) nn.Network { return nn.Network{Layers: layers, Output: output} }
	cases := map[string]struct {
		network nn.Network
		loss    nn.Loss
		steps   int // of a time series
	}{
		"batch normalization": {layer("", nn.Dense{In: 3, Units: 4, Activation: "tanh"}, nn.BatchNormalization{Of: 4}, nn.Dense{In: 4, Units: 2}), nn.MeanSquaredError, 0},
		"dropout":             {layer("", nn.Dense{In: 3, Units: 6, Activation: "tanh"}, nn.Dropout{Of: 6, Rate: 0.4}, nn.Dense{In: 6, Units: 1}), nn.MeanSquaredError, 0},
		"lstm":                {layer("", nn.LSTM{In: 3, Units: 4, Steps: 6}, nn.Dense{In: 4, Units: 1}), nn.MeanSquaredError, 6},
		"lstm dropout":        {layer("", nn.LSTM{In: 3, Units: 4, Steps: 6, Dropout: 0.3, Recurrent: 0.3}, nn.Dense{In: 4, Units: 1}), nn.MeanSquaredError, 6},
		"lstm long":           {layer("", nn.LSTM{In: 3, Units: 4, Steps: 50}, nn.Dense{In: 4, Units: 1}), nn.MeanSquaredError, 50},
		"lstm long dropout":   {layer("", nn.LSTM{In: 3, Units: 4, Steps: 170, Dropout: 0.3, Recurrent: 0.3}, nn.Dense{In: 4, Units: 1}), nn.MeanSquaredError, 170},
	}
	for _, a := range nn.Activations() {
		c := cases["dropout"]
		c.network = layer("", nn.Dense{In: 3, Units: 4, Activation: a}, nn.Dense{In: 4, Units: 2})
		cases["dense "+a] = c
	}
	for _, l := range nn.Losses() {
		for _, output := range []string{"linear", "sigmoid", "softmax"} {
			if output == "linear" && (l == nn.BinaryCrossentropy || l == nn.CategoricalCrossentropy) {
				continue // the logarithm of what may be negative
			}
			c := cases["dropout"]
			c.network, c.loss = layer(output, nn.Dense{In: 3, Units: 3}), l
			cases[fmt.Sprint(l, " of ", output)] = c
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkGradients(t, &c.network, c.loss, c.steps) })
	}
}

func checkGradients(t *testing.T, n *nn.Network, l nn.Loss, steps int) {
	r := rand.New(rand.NewPCG(3, 4))
	parameters := n.Parameters()
	loss := build(t, n, l, steps)
	xShape := []int{rows, 3}
	if steps > 0 {
		xShape = []int{steps, rows, 3}
	}
	feeds := []*session.Tensor{random(r, 1, xShape...), truth(r, l, n.Width())}
	for _, p := range parameters {
		feeds = append(feeds, random(r, 0.8, p.Shape...))
	}
	got := loss(feeds)
	for k, p := range parameters {
		if p.Frozen {
			continue
		}
		w := session.View[float32](feeds[2+k])
		gradient := got[0]
		got = got[1:]
		for _, i := range []int{0, len(w) / 2, len(w) - 1} {
			const h = 2e-3
			keep := w[i]
			w[i] = keep + h
			up := loss(feeds)[len(loss(feeds))-1][0]
			w[i] = keep - h
			down := loss(feeds)[len(loss(feeds))-1][0]
			w[i] = keep
			want := (float64(up) - float64(down)) / (2 * h)
			if g := float64(gradient[i]); math.Abs(g-want) > 2e-3+2e-2*math.Abs(want) {
				t.Errorf("%s[%d]: got %.5f, want %.5f", p.Name, i, g, want)
			}
		}
	}
}

// build returns a function of x, y and the parameters that makes the gradients of all that learn, and the loss last.
func build(t *testing.T, n *nn.Network, l nn.Loss, steps int) func(feeds []*session.Tensor) [][]float32 {
	t.Helper()
	g := graph.New()
	x := g.Arg(tf.Float, rows, 3)
	if steps > 0 {
		x = g.Arg(tf.Float, steps, rows, 3)
	}
	outputs := n.Width()
	if l == nn.CategoricalCrossentropy {
		outputs = 1
	}
	y := g.Arg(tf.Float, rows, outputs)
	inputs := []string{graph.Name(x), graph.Name(y)}
	var w []graph.Value
	for _, p := range n.Parameters() {
		v := g.Arg(tf.Float, p.Shape...)
		inputs, w = append(inputs, graph.Name(v)), append(w, v)
	}
	pass := &nn.Pass{Graph: g, Rows: rows, Training: true, Mask: g.Const([]float32{1, 1, 1, 1, 0}), Count: g.Float(4), Key: g.Const(uint32(5))}
	mean := g.Div(g.Sum(g.Mul(l.Of(g, n, n.Logits(pass, x, w), y), pass.Mask), 0), pass.Count)
	var ends []string
	for _, v := range append(n.Gradients(pass, mean, w), mean) {
		ends = append(ends, graph.Name(v))
	}
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Open(b, session.Here())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	call, err := s.Call(inputs, ends)
	if err != nil {
		t.Fatal(err)
	}
	return func(feeds []*session.Tensor) [][]float32 {
		results, err := call.Run(feeds...)
		if err != nil {
			t.Fatal(err)
		}
		var values [][]float32
		for _, r := range results {
			values = append(values, r.Floats())
		}
		return values
	}
}

func random(r *rand.Rand, size float64, shape ...int) *session.Tensor {
	t := session.New[float32](shape...)
	for i := range session.View[float32](t) {
		session.View[float32](t)[i] = float32(size * (2*r.Float64() - 1))
	}
	return t
}

// truth returns numbers, or what a cross-entropy takes for truth.
func truth(r *rand.Rand, l nn.Loss, outputs int) *session.Tensor {
	if l == nn.CategoricalCrossentropy {
		return session.Of([]float32{0, 2, 1, 2, 0}, rows, 1)
	}
	t := random(r, 1, rows, outputs)
	for i, v := range session.View[float32](t) {
		if l == nn.BinaryCrossentropy && v > 0 {
			session.View[float32](t)[i] = 1
		} else if l == nn.BinaryCrossentropy {
			session.View[float32](t)[i] = 0
		}
	}
	return t
}
