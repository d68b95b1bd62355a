package graph

import (
	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"
)

// Const returns a constant: a number, a slice or an array.
func (g *Graph) Const(v any) Value { return op.Const(g.Scope(), v) }

// Float returns a float32 constant.
func (g *Graph) Float(v float64) Value { return g.Const(float32(v)) }

// Int returns an int32 constant.
func (g *Graph) Int(v int) Value { return g.Const(int32(v)) }

// Ints returns a vector of int32.
func (g *Graph) Ints(v ...int) Value {
	x := make([]int32, len(v))
	for i := range v {
		x[i] = int32(v[i])
	}
	return g.Const(x)
}

// Zeros returns float32 zeros.
func (g *Graph) Zeros(shape ...int) Value { return op.Fill(g.Scope(), g.Ints(shape...), g.Float(0)) }

// Upto returns the vector 0, 1, … n-1 of int32.
func (g *Graph) Upto(n int) Value { return op.Range(g.Scope(), g.Int(0), g.Int(n), g.Int(1)) }

// Arithmetic, with broadcasting.

func (g *Graph) Add(a, b Value) Value    { return op.AddV2(g.Scope(), a, b) }   // a + b
func (g *Graph) Sub(a, b Value) Value    { return op.Sub(g.Scope(), a, b) }     // a − b
func (g *Graph) Mul(a, b Value) Value    { return op.Mul(g.Scope(), a, b) }     // a · b
func (g *Graph) Div(a, b Value) Value    { return op.RealDiv(g.Scope(), a, b) } // a / b
func (g *Graph) Pow(a, b Value) Value    { return op.Pow(g.Scope(), a, b) }     // a to the b
func (g *Graph) Min(a, b Value) Value    { return op.Minimum(g.Scope(), a, b) } // the smaller of each
func (g *Graph) Max(a, b Value) Value    { return op.Maximum(g.Scope(), a, b) } // the larger of each
func (g *Graph) Neg(x Value) Value       { return op.Neg(g.Scope(), x) }        // −x
func (g *Graph) Abs(x Value) Value       { return op.Abs(g.Scope(), x) }        // |x|
func (g *Graph) Exp(x Value) Value       { return op.Exp(g.Scope(), x) }        // e to the x
func (g *Graph) Log1p(x Value) Value     { return op.Log1p(g.Scope(), x) }      // log(1 + x)
func (g *Graph) Sqrt(x Value) Value      { return op.Sqrt(g.Scope(), x) }       // √x
func (g *Graph) Square(x Value) Value    { return op.Square(g.Scope(), x) }     // x²
func (g *Graph) Less(a, b Value) Value   { return op.Less(g.Scope(), a, b) }    // a < b
func (g *Graph) Sigmoid(x Value) Value   { return op.Sigmoid(g.Scope(), x) }    // 1 / (1 + e to the −x)
func (g *Graph) Tanh(x Value) Value      { return op.Tanh(g.Scope(), x) }       // tanh x
func (g *Graph) Relu(x Value) Value      { return op.Relu(g.Scope(), x) }       // max(x, 0)
func (g *Graph) MatMul(a, b Value) Value { return op.MatMul(g.Scope(), a, b) }  // a [m, k], b [k, n]: [m, n]
func (g *Graph) Bias(x, b Value) Value   { return op.BiasAdd(g.Scope(), x, b) } // x [..., n], b [n]
func (g *Graph) Identity(x Value) Value  { return op.Identity(g.Scope(), x) }   // x by another name

// Where returns a where c is true and b elsewhere.
func (g *Graph) Where(c, a, b Value) Value { return g.Op("SelectV2", c, a, b) }

// Op adds an operation of one output that package op does not know.
func (g *Graph) Op(kind string, inputs ...Value) Value {
	spec := tf.OpSpec{Type: kind}
	for _, v := range inputs {
		spec.Input = append(spec.Input, v)
	}
	if o := g.Scope().AddOperation(spec); o != nil {
		return o.Output(0)
	}
	return Value{}
}

// Cast converts to another type.
func (g *Graph) Cast(x Value, t tf.DataType) Value { return op.Cast(g.Scope(), x, t) }

// Sum adds up along axes, which go; no axes: all of them are to be named.
func (g *Graph) Sum(x Value, axes ...int) Value { return op.Sum(g.Scope(), x, g.Ints(axes...)) }

// Mean averages along axes, which go.
func (g *Graph) Mean(x Value, axes ...int) Value { return op.Mean(g.Scope(), x, g.Ints(axes...)) }

// Reshape gives x another shape of as many elements; one dimension may be -1.
func (g *Graph) Reshape(x Value, shape ...int) Value {
	return op.Reshape(g.Scope(), x, g.Ints(shape...))
}

// Gather picks x's rows. The first version of the operation has no gradient.
func (g *Graph) Gather(x, rows Value) Value { return op.GatherV2(g.Scope(), x, rows, g.Int(0)) }

// GatherColumns picks x's columns.
func (g *Graph) GatherColumns(x, columns Value) Value {
	return op.GatherV2(g.Scope(), x, columns, g.Int(1))
}

// Window returns size elements of the vector x from a computed begin on.
func (g *Graph) Window(x, begin Value, size int) Value {
	return op.Slice(g.Scope(), x, g.Reshape(begin, 1), g.Ints(size))
}
