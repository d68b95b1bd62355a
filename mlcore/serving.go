package mlcore

import (
	"math"

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
// and booleans (0 and 1), int64 Unix seconds for dates, bytes for categories. An example without one of them is an error,
// unless the model says onMissing: mean or zero.
// classify answers with the names of all classes [batch, classes] and their probabilities as scores, regress with the
// prediction in the target's own units as outputs [batch, 1].
func (m *savedModel) ofExamples(g *graph.Graph, w []graph.Value) map[string]*meta.SignatureDef {
	p := m.preparation
	if p.Lookback > 0 || len(p.Targets) > 1 {
		return nil
	}
	serialized := g.Arg(tf.String, -1)
	y := m.answer(g, m.encode(g, parseExamples(g, serialized, p)), w)
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

// parseExamples returns the values of the features, each [batch]; what is missing as serving_default takes it.
func parseExamples(g *graph.Graph, serialized graph.Value, p *prep.Preparation) []graph.Value {
	n, none := len(p.Features), g.Const([]string{})
	keys, defaults, shapes := make([]string, n), make([]graph.Value, n), make([]tf.Shape, n)
	for i := range p.Features {
		keys[i], shapes[i] = p.Features[i].Name, tf.ScalarShape()
		defaults[i] = g.Const(absent(p, &p.Features[i]))
	}
	_, _, _, values, _, _ := op.ParseExampleV2( //nolint:dogsled // sparse and ragged features, of which there are none
		g.Scope(), serialized, none, none, g.Const(keys), none, defaults, 0, nil, nil, nil, shapes)
	if len(values) < n { // the graph is an error, which is told elsewhere
		return make([]graph.Value, n)
	}
	for i := range values {
		f := &p.Features[i]
		if _, _, filled := p.Fill(f); filled && f.Form == prep.Date {
			missing := op.Equal(g.Scope(), values[i], g.Const(noDate))
			values[i] = g.Where(missing, g.Const(math.NaN()), g.Cast(values[i], tf.Double))
		}
	}
	return values
}

// noDate stands for a date that is missing.
const noDate = int64(math.MinInt64)

// absent returns what an example is taken to say of a feature that it is without; an empty list says that it must be there.
func absent(p *prep.Preparation, f *prep.Feature) any {
	_, _, filled := p.Fill(f)
	switch {
	case f.Form == prep.Category && filled:
		return ""
	case f.Form == prep.Category:
		return []string{}
	case f.Form == prep.Date && filled: // a float32 of Unix seconds is exact to two minutes
		return noDate
	case f.Form == prep.Date:
		return []int64{}
	case filled:
		return float32(math.NaN())
	}
	return []float32{}
}
