package mlcore

import (
	"strconv"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"

	"retrain/mlcore/graph"
	"retrain/mlcore/prep"
)

// raw is the signature that does inside the graph what package prep does outside: every feature by its name, as it stands in
// records (after map), [batch], or [batch, lookback] of a time series. Numbers and booleans are float32, dates float64 Unix
// seconds, categories strings. Scaling is done in float64 and then rounded, as prep does it.
func (m *savedModel) raw(g *graph.Graph, w []graph.Value) *meta.SignatureDef {
	p := m.preparation
	s := &meta.SignatureDef{MethodName: "tensorflow/serving/predict", Inputs: make(map[string]*meta.TensorInfo), Outputs: make(map[string]*meta.TensorInfo)}
	shape := []int{-1}
	if p.Lookback > 0 {
		shape = []int{-1, p.Lookback}
	}
	var columns []graph.Value // each [batch, width of the feature], or with the lookback between the two
	for i := range p.Features {
		f := &p.Features[i]
		input, column := encodeFeature(g, f, shape)
		s.Inputs[f.Name] = info(input, shape...)
		columns = append(columns, column)
	}
	x := columns[0]
	if len(columns) > 1 { // TensorFlow does not join one
		x = op.ConcatV2(g.Scope(), columns, g.Int(-1))
	}
	m.outputs(g, s, m.answer(g, terms(g, x, p), w))
	return s
}

// encodeFeature declares a feature's input and returns its columns.
func encodeFeature(g *graph.Graph, f *prep.Feature, shape []int) (input, column graph.Value) {
	last := g.Int(-1)
	switch f.Form {
	case prep.Category:
		input = g.Arg(tf.String, shape...)
		same := op.Equal(g.Scope(), op.ExpandDims(g.Scope(), input, last), g.Const(f.Levels))
		return input, g.Cast(same, tf.Float)
	case prep.Boolean:
		input = g.Arg(tf.Float, shape...)
		return input, op.ExpandDims(g.Scope(), input, last)
	case prep.Date:
		input = g.Arg(tf.Double, shape...)
	default:
		input = g.Arg(tf.Float, shape...)
	}
	scaled := op.ZerosLike(g.Scope(), input)
	if f.Max > f.Min {
		scaled = g.Div(g.Sub(g.Cast(input, tf.Double), g.Const(f.Min)), g.Const(f.Max-f.Min))
	}
	return input, op.ExpandDims(g.Scope(), g.Cast(scaled, tf.Float), last)
}

// terms appends the polynomial terms to x [batch, base].
func terms(g *graph.Graph, x graph.Value, p *prep.Preparation) graph.Value {
	if len(p.Terms) == 0 {
		return x
	}
	base, longest := p.Width()-len(p.Terms), 0
	for _, t := range p.Terms {
		longest = max(longest, len(t))
	}
	// The column after the last holds ones, so that short terms can be as long as others.
	padded := op.PadV2(g.Scope(), x, g.Const([][]int32{{0, 0}, {0, 1}}), g.Float(1))
	var product graph.Value
	for k := range longest {
		columns := make([]int, len(p.Terms))
		for i, t := range p.Terms {
			if columns[i] = base; k < len(t) {
				columns[i] = t[k]
			}
		}
		factor := g.GatherColumns(padded, g.Ints(columns...))
		if k == 0 {
			product = factor
		} else {
			product = g.Mul(product, factor)
		}
	}
	return op.ConcatV2(g.Scope(), []graph.Value{x, product}, g.Int(1))
}

// outputs turns the network's answer y [batch, outputs] into the target's own units: prediction [batch], or [batch, targets]
// of several; for classes the class as it stands in the data, and probabilities [batch, classes] in the order of the
// preparation's classes.
func (m *savedModel) outputs(g *graph.Graph, s *meta.SignatureDef, y graph.Value) {
	targets := m.preparation.Targets
	if len(targets[0].Classes) > 0 {
		m.classOutputs(g, s, y)
		return
	}
	low, width := make([]float64, len(targets)), make([]float64, len(targets))
	for i, t := range targets {
		low[i], width[i] = t.Min, t.Max-t.Min
	}
	v := g.Cast(g.Add(g.Mul(g.Cast(y, tf.Double), g.Const(width)), g.Const(low)), tf.Float)
	if len(targets) == 1 {
		s.Outputs["prediction"] = info(g.Reshape(v, -1), -1)
		return
	}
	s.Outputs["prediction"] = info(g.Identity(v), -1, len(targets))
}

func (m *savedModel) classOutputs(g *graph.Graph, s *meta.SignatureDef, y graph.Value) {
	t := &m.preparation.Targets[0]
	if m.network.Width() == 1 { // the probability of the second of two
		y = op.ConcatV2(g.Scope(), []graph.Value{g.Sub(g.Float(1), y), y}, g.Int(1))
	}
	var names graph.Value
	switch t.Of {
	case prep.Numeric:
		values := make([]float32, len(t.Classes))
		for i, c := range t.Classes {
			v, _ := strconv.ParseFloat(c, 64) // prep wrote it
			values[i] = float32(v)
		}
		names = g.Const(values)
	case prep.Boolean:
		values := make([]bool, len(t.Classes))
		for i, c := range t.Classes {
			values[i] = c == "true"
		}
		names = g.Const(values)
	default:
		names = g.Const(t.Classes)
	}
	s.Outputs["prediction"] = info(g.Gather(names, op.ArgMax(g.Scope(), y, g.Int(1))), -1)
	s.Outputs["probabilities"] = info(g.Identity(y), -1, len(t.Classes))
}
