// Package nn holds the pieces of networks: layers, losses, optimisers and first weights. Each is a few formulas over package
// graph, with the names, formulas and defaults of Keras 3, so that results can be compared number by number.
package nn

import (
	"fmt"
	"strings"

	"retrain/mlcore/graph"
)

// A Value is a tensor that the graph will compute.
type Value = graph.Value

// A Parameter is an array that a layer needs. Its shape is fixed.
type Parameter struct {
	Name  string
	Shape []int
	First Init // how it begins
	// Frozen parameters have no gradient: training gives them their next values in Pass.Next.
	Frozen bool
}

// A Layer is one step of a network.
type Layer interface {
	// Kind is the layer's name for people, and the beginning of its parameters' names.
	Kind() string
	// Width is how many numbers come out for a row.
	Width() int
	Parameters() []Parameter
	// Apply returns what the layer makes of x, with w its parameters in their order.
	Apply(p *Pass, x Value, w []Value) Value
}

// A Pass is one way through a network: for training, or for an answer.
type Pass struct {
	*graph.Graph
	Rows     int // of the batch; -1 is any
	Training bool

	// The following are for training alone.
	Mask  Value   // [rows], float: 1 for a row of the data, 0 for one that fills the batch up
	Count Value   // float: how many rows are of the data
	Key   Value   // uint32: what this step's random numbers are made from
	Next  []Value // the next values of the frozen parameters, in the order of the network

	draws int
	cut   *cut
}

// A cut is where a layer computes its gradients by itself, because TensorFlow cannot derive them. The layer is the network's
// first, and all its parameters are learnt.
type cut struct {
	output     Value
	parameters int
	back       func(gradient Value) []Value // of the output's to those of the parameters
}

// A Network is a chain of layers. The last one's numbers are logits: what Output makes of them is the answer.
type Network struct {
	Layers []Layer
	Output string // an activation
}

// Parameters returns those of all layers, with names like "dense_1/kernel".
func (n *Network) Parameters() []Parameter {
	var all []Parameter
	for i, names := range n.Names() {
		for _, p := range n.Layers[i].Parameters() {
			p.Name = names + "/" + p.Name
			all = append(all, p)
		}
	}
	return all
}

// Names returns the layers' names: their kind, numbered from the second of a kind on.
func (n *Network) Names() []string {
	seen := make(map[string]int)
	names := make([]string, len(n.Layers))
	for i, l := range n.Layers {
		names[i] = l.Kind()
		if k := seen[l.Kind()]; k > 0 {
			names[i] = fmt.Sprintf("%s_%d", l.Kind(), k)
		}
		seen[l.Kind()]++
	}
	return names
}

// Logits returns what the last layer makes of x [rows, width], with w as Parameters has them.
func (n *Network) Logits(p *Pass, x Value, w []Value) Value {
	for _, l := range n.Layers {
		k := len(l.Parameters())
		x = l.Apply(p, x, w[:k])
		w = w[k:]
	}
	return x
}

// Gradients returns the derivatives of a scalar that was made from Logits, by the parameters that are not frozen.
func (n *Network) Gradients(p *Pass, scalar Value, w []Value) []Value {
	var learnt []Value
	for i, parameter := range n.Parameters() {
		if !parameter.Frozen {
			learnt = append(learnt, w[i])
		}
	}
	c := p.cut
	if c == nil {
		return p.Gradients(scalar, learnt)
	}
	g := p.Gradients(scalar, append([]Value{c.output}, learnt[c.parameters:]...))
	if p.Err() != nil {
		return g
	}
	return append(c.back(g[0]), g[1:]...)
}

// Answer returns the output for given logits.
func (n *Network) Answer(g *graph.Graph, logits Value) Value { return activate(g, n.Output, logits) }

// Width is how many numbers an answer has.
func (n *Network) Width() int { return n.Layers[len(n.Layers)-1].Width() }

// Size is the number of elements of a parameter.
func (p *Parameter) Size() int {
	size := 1
	for _, d := range p.Shape {
		size *= d
	}
	return size
}

// Signature describes the network so exactly that two with the same signature compute the same.
func (n *Network) Signature() string {
	var b strings.Builder
	for _, l := range n.Layers {
		fmt.Fprintf(&b, "%s%+v ", l.Kind(), l)
	}
	return b.String() + n.Output
}
