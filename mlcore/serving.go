package mlcore

import (
	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"

	"retrain/mlcore/graph"
	"retrain/mlcore/prep"
)

// The signatures that TensorFlow Serving's Classify and Regress ask for.
const (
	classifySignature = "classify"
	regressSignature  = "regress"
)

// ofExamples returns classify for classes and regress for one number, by name. Neither suits a time series, whose windows
// an example cannot hold, nor several targets: there are none then.
//
// They take inputs [batch], serialized tf.Example messages with one value for each feature by its name: floats for numbers
// and booleans (0 and 1), int64 Unix seconds for dates, bytes for categories. An example without one of them is an error.
// classify answers with the names of all classes [batch, classes] and their probabilities as scores, regress with the
// prediction in the target's own units as outputs [batch, 1].
func (m *savedModel) ofExamples(g *graph.Graph, w []graph.Value) map[string]*meta.SignatureDef {
	p := m.preparation
	if p.Lookback > 0 || len(p.Targets) > 1 {
		return nil
	}
	serialized := g.Arg(tf.String, -1)
	y := m.answer(g, m.encode(g, parseExamples(g, serialized, p.Features)), w)
	s := &meta.SignatureDef{Inputs: map[string]*meta.TensorInfo{"inputs": info(serialized, -1)}}
	if classes := p.Targets[0].Classes; len(classes) > 0 {
		scores := m.probabilities(g, y)
		names := op.BroadcastTo(g.Scope(), g.Const(classes), op.Shape(g.Scope(), scores))
		s.MethodName = "tensorflow/serving/classify" //nolint:staticcheck // servers before 2.4 check it
		s.Outputs = map[string]*meta.TensorInfo{"classes": info(names, -1, len(classes)), "scores": info(scores, -1, len(classes))}
		return map[string]*meta.SignatureDef{classifySignature: s}
	}
	s.MethodName = "tensorflow/serving/regress" //nolint:staticcheck // see above
	s.Outputs = map[string]*meta.TensorInfo{"outputs": info(m.unscaled(g, y), -1, 1)}
	return map[string]*meta.SignatureDef{regressSignature: s}
}

// parseExamples returns the values of the features, each [batch].
func parseExamples(g *graph.Graph, serialized graph.Value, features []prep.Feature) []graph.Value {
	keys, none := make([]string, len(features)), g.Const([]string{})
	required, shapes := make([]graph.Value, len(features)), make([]tf.Shape, len(features))
	for i := range features {
		keys[i], shapes[i] = features[i].Name, tf.ScalarShape()
		switch features[i].Form { // an empty default says that the feature must be there
		case prep.Category:
			required[i] = none
		case prep.Date: // a float32 of Unix seconds is exact to two minutes
			required[i] = g.Const([]int64{})
		default:
			required[i] = g.Const([]float32{})
		}
	}
	_, _, _, values, _, _ := op.ParseExampleV2( //nolint:dogsled // sparse and ragged features, of which there are none
		g.Scope(), serialized, none, none, g.Const(keys), none, required, 0, nil, nil, nil, shapes)
	if len(values) < len(features) { // the graph is an error, which is told elsewhere
		return make([]graph.Value, len(features))
	}
	return values
}
