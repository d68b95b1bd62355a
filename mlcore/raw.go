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
// seconds, categories strings. Scaling is done in float64 and then rounded, as prep does it. Where the model says onMissing: mean
// or zero, a value that is missing is NaN, or the empty string; elsewhere NaN is answered by NaN.
func (m *savedModel) raw(g *graph.Graph, w []graph.Value) *meta.SignatureDef {
	p := m.preparation
	s := &meta.SignatureDef{MethodName: "tensorflow/serving/predict", Inputs: make(map[string]*meta.TensorInfo), Outputs: make(map[string]*meta.TensorInfo)}
	shape := []int{-1}
	if p.Lookback > 0 {
		shape = []int{-1, p.Lookback}
	}
	inputs := make([]graph.Value, len(p.Features))
	for i := range p.Features {
		inputs[i] = g.Arg(rawType(p.Features[i].Form), shape...)
		s.Inputs[p.Features[i].Name] = info(inputs[i], shape...)
	}
	m.outputs(g, s, m.answer(g, m.encode(g, inputs), w))
	return s
}

func rawType(f prep.Form) tf.DataType {
	switch f {
	case prep.Category:
		return tf.String
	case prep.Date:
		return tf.Double
	}
	return tf.Float
}

// encode turns the values of the features, in their order, into encoded rows.
func (m *savedModel) encode(g *graph.Graph, features []graph.Value) graph.Value {
	p := m.preparation
	columns := make([]graph.Value, len(features)) // each [batch, width of the feature], or with the lookback between the two
	for i, v := range features {
		columns[i] = encodeFeature(g, p, &p.Features[i], v)
	}
	x := columns[0]
	if len(columns) > 1 { // TensorFlow does not join one
		x = op.ConcatV2(g.Scope(), columns, g.Int(-1))
	}
	return terms(g, x, p)
}

// encodeFeature returns a feature's columns. Numbers may be of any type.
func encodeFeature(g *graph.Graph, p *prep.Preparation, f *prep.Feature, v graph.Value) graph.Value {
	last := g.Int(-1)
	number, text, filled := p.Fill(f)
	switch f.Form {
	case prep.Category:
		if filled {
			v = g.Where(op.Equal(g.Scope(), v, g.Const("")), g.Const(text), v)
		}
		return g.Cast(op.Equal(g.Scope(), op.ExpandDims(g.Scope(), v, last), g.Const(f.Levels)), tf.Float)
	case prep.Boolean:
		if filled {
			v = g.Where(op.IsNan(g.Scope(), v), g.Float(number), v)
		}
		return op.ExpandDims(g.Scope(), v, last)
	}
	scaled := op.ZerosLike(g.Scope(), v)
	if f.Max > f.Min {
		v = g.Cast(v, tf.Double)
		if filled {
			v = g.Where(op.IsNan(g.Scope(), v), g.Const(number), v)
		}
		scaled = g.Div(g.Sub(v, g.Const(f.Min)), g.Const(f.Max-f.Min))
	}
	return op.ExpandDims(g.Scope(), g.Cast(scaled, tf.Float), last)
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
	v := m.unscaled(g, y)
	if len(targets) == 1 {
		s.Outputs["prediction"] = info(g.Reshape(v, -1), -1)
		return
	}
	s.Outputs["prediction"] = info(g.Identity(v), -1, len(targets))
}

// unscaled turns the network's answer into the targets' own units, [batch, targets].
func (m *savedModel) unscaled(g *graph.Graph, y graph.Value) graph.Value {
	targets := m.preparation.Targets
	low, width := make([]float64, len(targets)), make([]float64, len(targets))
	for i, t := range targets {
		low[i], width[i] = t.Min, t.Max-t.Min
	}
	return g.Cast(g.Add(g.Mul(g.Cast(y, tf.Double), g.Const(width)), g.Const(low)), tf.Float)
}

// probabilities turns the network's answer into one number for each class.
func (m *savedModel) probabilities(g *graph.Graph, y graph.Value) graph.Value {
	if m.network.Width() > 1 {
		return g.Identity(y)
	}
	return op.ConcatV2(g.Scope(), []graph.Value{g.Sub(g.Float(1), y), y}, g.Int(1)) // it is that of the second of two
}

func (m *savedModel) classOutputs(g *graph.Graph, s *meta.SignatureDef, y graph.Value) {
	t := &m.preparation.Targets[0]
	y = m.probabilities(g, y)
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
	s.Outputs["probabilities"] = info(y, -1, len(t.Classes))
}
