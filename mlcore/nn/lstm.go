package nn

import "github.com/tensorflow/tensorflow/tensorflow/go/op"

// LSTM reads a window of rows and answers with its last hidden state. For h and c before a step, x its input:
//
//	i, f, g, o = split(x·kernel + h·recurrent_kernel + bias)
//	c' = σ(f)·c + σ(i)·tanh(g)
//	h' = σ(o)·tanh(c')
//
// Dropout zeroes inputs and Recurrent zeroes what h adds, the same ones at all steps of a window.
type LSTM struct {
	In, Units, Steps   int
	Dropout, Recurrent float64
}

func (LSTM) Kind() string { return "lstm" }
func (l LSTM) Width() int { return l.Units }

// Parameters are the kernel [in, 4·units], the recurrent kernel [units, 4·units] and the bias [4·units].
func (l LSTM) Parameters() []Parameter {
	return []Parameter{{Name: "kernel", Shape: []int{l.In, 4 * l.Units}, First: GlorotUniform},
		{Name: "recurrent_kernel", Shape: []int{l.Units, 4 * l.Units}, First: Orthogonal},
		{Name: "bias", Shape: []int{4 * l.Units}, First: ForgetOnes}}
}

// Apply maps x [steps, rows, in] to [rows, units]. While training it must be the network's first layer: x has no gradient.
func (l LSTM) Apply(p *Pass, x Value, w []Value) Value {
	var keep Value
	if p.Training && l.Dropout > 0 {
		x = p.Mul(x, p.keep(l.In, l.Dropout))
	}
	if p.Training && l.Recurrent > 0 {
		keep = p.keep(l.Units, l.Recurrent)
	}
	switch {
	case Unrolled(l.Steps), keep.Op != nil && l.Steps <= mostUnrolled:
		return l.unrolled(p, l.project(p, x, w), w[1], keep)
	case keep.Op != nil:
		return l.looped(p, x, w, keep)
	}
	return l.fused(p, x, w)
}

// Unrolled reports whether an LSTM over windows of this length is written out step by step. Longer ones are one operation of
// TensorFlow's, which takes half the time. It knows no recurrent dropout: training with that is written out to mostUnrolled
// steps, and a loop for longer windows, which takes four times as long and whose graph stays small, whatever the length.
func Unrolled(steps int) bool { return steps <= 32 }

// A graph of more steps takes too long to build.
const mostUnrolled = 160

// project computes what the inputs add to all steps at once: [steps, rows, 4·units].
func (l LSTM) project(p *Pass, x Value, w []Value) Value {
	flat := p.Bias(p.MatMul(p.Reshape(x, -1, l.In), w[0]), w[2])
	return p.Reshape(flat, l.Steps, -1, 4*l.Units)
}

// unrolled writes each step out. It is the fastest form for short windows.
func (l LSTM) unrolled(p *Pass, inputs, recurrent, keep Value) Value {
	var h, c Value
	for t, z := range op.Unpack(p.Scope(), inputs, int64(l.Steps)) {
		if t > 0 {
			before := h
			if keep.Op != nil {
				before = p.Mul(h, keep)
			}
			z = p.Add(z, p.MatMul(before, recurrent))
		}
		h, c = cell(p, z, c)
	}
	return h
}

// cell is one step from its gates [rows, 4·units] and the cell state before, which the first step has none of.
func cell(p *Pass, z, c Value) (hidden, state Value) {
	gates := op.Split(p.Scope(), p.Int(1), z, 4)
	if p.Err() != nil {
		return z, z
	}
	state = p.Mul(p.Sigmoid(gates[0]), p.Tanh(gates[2]))
	if c.Op != nil {
		state = p.Add(p.Mul(p.Sigmoid(gates[1]), c), state)
	}
	return p.Mul(p.Sigmoid(gates[3]), p.Tanh(state)), state
}
