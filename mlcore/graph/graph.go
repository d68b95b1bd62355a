// Package graph builds TensorFlow graphs that read as mathematics. The first error sticks to the graph and is returned at
// its end, so that nothing in between has to ask. It adds to the Go binding what training needs and the binding lacks:
// functions, loops, calls of functions and their compilation by XLA.
package graph

import (
	"bytes"
	"fmt"
	"runtime"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"
)

// A Value is a tensor that the graph will compute.
type Value = tf.Output

// A Graph is being built. It belongs to one goroutine.
type Graph struct {
	graph *tf.Graph
	scope *op.Scope
	args  []string    // the placeholders, in the order of their declaration
	uses  []*Function // the functions it calls
}

// New returns an empty graph.
func New() *Graph {
	g := tf.NewGraph()
	return &Graph{graph: g, scope: op.NewScopeWithGraph(g)}
}

// Scope returns a scope of its own for one operation of package op.
func (g *Graph) Scope() *op.Scope { return g.scope.SubScope("n") }

// Named returns a scope for one operation whose name begins with name.
func (g *Graph) Named(name string) *op.Scope { return g.scope.SubScope(name) }

// Err returns the first error of building.
func (g *Graph) Err() error { return g.scope.Err() }

// Fail makes the graph an error, unless it is one already.
func (g *Graph) Fail(err error) { g.scope.UpdateErr("graph", err) }

// Bytes returns the marshalled GraphDef.
func (g *Graph) Bytes() ([]byte, error) {
	if err := g.Err(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err := g.graph.WriteTo(&b)
	runtime.KeepAlive(g.graph) // the binding does not, while TensorFlow reads it
	return b.Bytes(), err
}

// Arg declares the next argument. A dimension of -1 is any.
func (g *Graph) Arg(t tf.DataType, shape ...int) Value {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	v := op.Placeholder(g.Named("arg"), t, op.PlaceholderShape(tf.MakeShape(dims...)))
	if v.Op != nil {
		g.args = append(g.args, v.Op.Name())
	}
	return v
}

// Name returns how a value is named in feeds and signatures: "operation:index".
func Name(v Value) string {
	if v.Op == nil { // of a graph that is an error
		return ""
	}
	return fmt.Sprintf("%s:%d", v.Op.Name(), v.Index)
}

// Gradients returns the derivatives of one scalar.
//
// It takes one, because the derivatives of several values of which one is computed from another come out wrong in silence
// (seen with a cell's c and h): add them up first.
func (g *Graph) Gradients(scalar Value, by []Value) []Value {
	return op.Gradients(g.Scope(), []Value{g.Identity(scalar)}, by)
}
