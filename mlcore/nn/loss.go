package nn

import (
	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"

	"retrain/mlcore/graph"
)

// A Loss says how wrong an answer is. Its names are those of the configuration.
type Loss string

// The losses. Each is the mean over a row's outputs, by the formula of Keras' function of the same name.
const (
	MeanSquaredError        Loss = "meanSquaredError"
	MeanAbsoluteError       Loss = "meanAbsoluteError"
	Huber                   Loss = "huber"                   // with delta 1
	BinaryCrossentropy      Loss = "binaryCrossentropy"      // of truths between 0 and 1
	CategoricalCrossentropy Loss = "categoricalCrossentropy" // the truth is a class's index in one column
)

// Losses returns all of them.
func Losses() []Loss {
	return []Loss{MeanSquaredError, MeanAbsoluteError, Huber, BinaryCrossentropy, CategoricalCrossentropy}
}

// Of returns the loss of each row [rows] for the network's logits [rows, outputs] and the truth y [rows, outputs].
func (l Loss) Of(g *graph.Graph, n *Network, logits, y Value) Value {
	switch l {
	case BinaryCrossentropy:
		return g.Mean(binary(g, n, logits, y), 1)
	case CategoricalCrossentropy:
		return categorical(g, n, logits, y)
	}
	miss := g.Sub(n.Answer(g, logits), y)
	switch l {
	case MeanAbsoluteError:
		return g.Mean(g.Abs(miss), 1)
	case Huber:
		// ½·e² up to 1, |e| − ½ beyond: written with the part of |e| that is at most 1.
		size := g.Abs(miss)
		near := g.Min(size, g.Float(1))
		return g.Mean(g.Mul(near, g.Sub(size, g.Mul(near, g.Float(0.5)))), 1)
	}
	return g.Mean(g.Square(miss), 1)
}

// binary works on logits where it can: log(sigmoid) would lose what is far from 0.
func binary(g *graph.Graph, n *Network, logits, y Value) Value {
	if n.Output == "sigmoid" {
		return g.Add(g.Sub(g.Relu(logits), g.Mul(logits, y)), g.Log1p(g.Exp(g.Neg(g.Abs(logits)))))
	}
	p := clipped(g, n.Answer(g, logits))
	one := g.Float(1)
	return g.Neg(g.Add(g.Mul(y, log(g, p)), g.Mul(g.Sub(one, y), log(g, g.Sub(one, p)))))
}

func categorical(g *graph.Graph, n *Network, logits, y Value) Value {
	class := g.Reshape(g.Cast(y, tf.Int32), -1)
	truth := op.OneHot(g.Scope(), class, g.Int(n.Width()), g.Float(1), g.Float(0))
	if n.Output == "softmax" {
		loss, _ := op.SoftmaxCrossEntropyWithLogits(g.Scope(), logits, truth)
		return loss
	}
	p := n.Answer(g, logits)
	p = clipped(g, g.Div(p, op.Sum(g.Scope(), p, g.Ints(1), op.SumKeepDims(true))))
	return g.Neg(g.Sum(g.Mul(truth, log(g, p)), 1))
}

// clipped keeps a probability away from 0 and 1 by Keras' epsilon.
func clipped(g *graph.Graph, p Value) Value {
	return g.Min(g.Max(p, g.Float(1e-7)), g.Float(1-1e-7))
}

func log(g *graph.Graph, x Value) Value { return op.Log(g.Scope(), x) }
