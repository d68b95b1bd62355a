package nn

import (
	"github.com/tensorflow/tensorflow/tensorflow/go/op"

	"retrain/mlcore/graph"
)

// activations by name; "" and "linear" leave x as it is.
var activations = map[string]func(g *graph.Graph, x Value) Value{
	"":        func(_ *graph.Graph, x Value) Value { return x },
	"linear":  func(_ *graph.Graph, x Value) Value { return x },
	"relu":    (*graph.Graph).Relu,
	"sigmoid": (*graph.Graph).Sigmoid,
	"tanh":    (*graph.Graph).Tanh,
	"elu":     func(g *graph.Graph, x Value) Value { return op.Elu(g.Scope(), x) },
	"selu":    func(g *graph.Graph, x Value) Value { return op.Selu(g.Scope(), x) },
	"softmax": func(g *graph.Graph, x Value) Value { return op.Softmax(g.Scope(), x) },
}

// Activations returns the names that a hidden layer may have; softmax is for the output alone.
func Activations() []string { return []string{"relu", "sigmoid", "tanh", "elu", "selu", "linear"} }

func activate(g *graph.Graph, name string, x Value) Value { return activations[name](g, x) }
