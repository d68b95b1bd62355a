package nn

import (
	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"

	"retrain/mlcore/graph"
)

// fused does all steps in one operation of TensorFlow's, which has its own gradient operation. It knows no recurrent dropout.
func (l LSTM) fused(p *Pass, x Value, w []Value) Value {
	both := op.ConcatV2(p.Scope(), []Value{w[0], w[1]}, p.Int(0)) // [in+units, 4·units]
	zero, none := l.zeros(p, x), p.Zeros(l.Units)
	steps := p.Const(int64(l.Steps))
	i, cs, f, o, ci, co, h := op.BlockLSTMV2(p.Scope(), steps, x, zero, zero, both, none, none, none, w[2], op.BlockLSTMV2CellClip(0))
	last := p.Reshape(op.Slice(p.Scope(), h, p.Ints(l.Steps-1, 0, 0), p.Ints(1, -1, -1)), -1, l.Units)
	if !p.Training {
		return last
	}
	p.cut = &cut{output: last, parameters: 3, back: func(gradient Value) []Value {
		padding := p.Const([][]int32{{int32(l.Steps) - 1, 0}, {0, 0}, {0, 0}})
		gh := op.Pad(p.Scope(), p.Reshape(gradient, 1, -1, l.Units), padding)
		_, _, _, gw, _, _, _, gb := op.BlockLSTMGradV2(p.Scope(), steps, x, zero, zero, both, none, none, none, w[2],
			i, cs, f, o, ci, co, h, op.ZerosLike(p.Scope(), h), gh, false)
		return []Value{op.Slice(p.Scope(), gw, p.Ints(0, 0), p.Ints(l.In, -1)), op.Slice(p.Scope(), gw, p.Ints(l.In, 0), p.Ints(l.Units, -1)), gb}
	}}
	return last
}

// zeros returns the state before the first step, [rows, units].
func (l LSTM) zeros(p *Pass, x Value) Value {
	shape := op.Shape(p.Scope(), x)
	rows := op.Slice(p.Scope(), shape, p.Ints(1), p.Ints(1))
	return op.Fill(p.Scope(), op.ConcatV2(p.Scope(), []Value{rows, p.Ints(l.Units)}, p.Int(0)), p.Float(0))
}

// looped does the steps in a loop, which keeps the state before each of them, and goes back through them in another. TensorFlow
// has no gradient of loops: each step back derives one step alone.
func (l LSTM) looped(p *Pass, x Value, w []Value, keep Value) Value {
	inputs := l.project(p, x, w)
	zero := l.zeros(p, x)
	list := func(width int) Value {
		return op.TensorListReserve(p.Scope(), p.Ints(p.Rows, width), p.Int(l.Steps), tf.Float)
	}
	forward := []Value{p.Int(0), zero, zero, list(l.Units), list(l.Units), inputs, w[1], keep}
	step := l.forward(p)
	after := p.While(graph.Until(l.Steps, step), step, forward...)
	last := p.Identity(after[1])
	p.cut = &cut{output: last, parameters: 3, back: func(gradient Value) []Value {
		begin := []Value{p.Int(0), gradient, zero, p.Zeros(l.Units, 4*l.Units), list(4 * l.Units), after[3], after[4], inputs, w[1], keep}
		step := l.backward(p)
		done := p.While(graph.Until(l.Steps, step), step, begin...)
		gates := op.TensorListStack(p.Scope(), done[4], p.Ints(p.Rows, 4*l.Units), tf.Float, op.TensorListStackNumElements(int64(l.Steps)))
		flat := p.Reshape(gates, -1, 4*l.Units)
		return []Value{op.MatMul(p.Scope(), p.Reshape(x, -1, l.In), flat, op.MatMulTransposeA(true)), done[3], p.Sum(flat, 0)}
	}}
	return last
}

// variant is the type of a list of tensors.
const variant = tf.DataType(21)

// forward is one step: of t, h, c, the lists of h and c before each step, and what stays, it makes the same after the step.
func (l LSTM) forward(p *Pass) *graph.Function {
	g := graph.New()
	q := &Pass{Graph: g, Rows: p.Rows}
	t, h, c := g.Arg(tf.Int32), g.Arg(tf.Float, p.Rows, l.Units), g.Arg(tf.Float, p.Rows, l.Units)
	hs, cs := g.Arg(variant), g.Arg(variant)
	inputs, recurrent, keep := l.constants(g, p.Rows)
	hidden, state := cell(q, g.Add(g.Gather(inputs, t), g.MatMul(g.Mul(h, keep), recurrent)), c)
	hs, cs = op.TensorListSetItem(g.Scope(), hs, t, h), op.TensorListSetItem(g.Scope(), cs, t, c)
	return g.Function("lstm_forward", g.Add(t, g.Int(1)), hidden, state, hs, cs, inputs, recurrent, keep)
}

// backward is one step back: of the number of steps that were gone back, the gradients of h and c after the step, that of the
// recurrent kernel so far, the list of the gates' gradients, and what the way forward left, it makes the same before the step.
func (l LSTM) backward(p *Pass) *graph.Function {
	g := graph.New()
	q := &Pass{Graph: g, Rows: p.Rows}
	back, gh, gc := g.Arg(tf.Int32), g.Arg(tf.Float, p.Rows, l.Units), g.Arg(tf.Float, p.Rows, l.Units)
	sum, gates := g.Arg(tf.Float, l.Units, 4*l.Units), g.Arg(variant)
	hs, cs := g.Arg(variant), g.Arg(variant)
	inputs, recurrent, keep := l.constants(g, p.Rows)
	t := g.Sub(g.Int(l.Steps-1), back)
	before := func(list Value) Value {
		return op.EnsureShape(g.Scope(), op.TensorListGetItem(g.Scope(), list, t, g.Ints(p.Rows, l.Units), tf.Float), tf.MakeShape(int64(p.Rows), int64(l.Units)))
	}
	h, c, input := before(hs), before(cs), g.Gather(inputs, t)
	hidden, state := cell(q, g.Add(input, g.MatMul(g.Mul(h, keep), recurrent)), c)
	scalar := g.Add(g.Sum(g.Mul(hidden, gh), 0, 1), g.Sum(g.Mul(state, gc), 0, 1))
	d := g.Gradients(scalar, []Value{input, h, c, recurrent})
	if g.Err() != nil { // there are no derivatives
		d = make([]Value, 4)
	}
	gates = op.TensorListSetItem(g.Scope(), gates, t, d[0])
	return g.Function("lstm_backward", g.Add(back, g.Int(1)), d[1], d[2], g.Add(sum, d[3]), gates, hs, cs, inputs, recurrent, keep)
}

// constants declares what no step changes.
func (l LSTM) constants(g *graph.Graph, rows int) (inputs, recurrent, keep Value) {
	return g.Arg(tf.Float, l.Steps, rows, 4*l.Units), g.Arg(tf.Float, l.Units, 4*l.Units), g.Arg(tf.Float, rows, l.Units)
}
