package nn

import "github.com/tensorflow/tensorflow/tensorflow/go/op"

// BatchNormalization brings each number to mean 0 and variance 1 over the batch, then scales and shifts it; for an answer it
// uses the running mean and variance of the training. Constants as in Keras: momentum 0.99, epsilon 0.001.
type BatchNormalization struct {
	Of int // width
}

func (BatchNormalization) Kind() string { return "batch_normalization" }
func (b BatchNormalization) Width() int { return b.Of }

// Parameters are gamma, beta and the running mean and variance, all [width].
func (b BatchNormalization) Parameters() []Parameter {
	of := []int{b.Of}
	return []Parameter{{Name: "gamma", Shape: of, First: Ones}, {Name: "beta", Shape: of, First: Zeros},
		{Name: "moving_mean", Shape: of, First: Zeros, Frozen: true}, {Name: "moving_variance", Shape: of, First: Ones, Frozen: true}}
}

// Apply keeps the shape of x [rows, width]. Rows that fill a batch up count for nothing.
func (b BatchNormalization) Apply(p *Pass, x Value, w []Value) Value {
	mean, variance := w[2], w[3]
	if p.Training {
		counts := p.Reshape(p.Mask, p.Rows, 1)
		mean = p.Div(p.Sum(p.Mul(x, counts), 0), p.Count)
		variance = p.Div(p.Sum(p.Mul(p.Square(p.Sub(x, mean)), counts), 0), p.Count)
		p.Next = append(p.Next, p.running(w[2], mean), p.running(w[3], variance))
	}
	scale := p.Mul(op.Rsqrt(p.Scope(), p.Add(variance, p.Float(1e-3))), w[0])
	return p.Add(p.Mul(p.Sub(x, mean), scale), w[1])
}

func (p *Pass) running(old, now Value) Value {
	return p.Add(p.Mul(old, p.Float(0.99)), p.Mul(now, p.Float(0.01)))
}
