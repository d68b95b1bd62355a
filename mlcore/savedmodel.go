package mlcore

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/tensor_shape_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"retrain/mlcore/graph"
	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// The signatures of a SavedModel. Raw takes features by name, as they stand in records, and answers in the target's own
// units; encoded is the network alone, between what an Encoder makes and what the network answers. serving.go has two more.
const (
	rawSignature     = "serving_default"
	encodedSignature = "encoded"
)

// A savedModel is what is written of a fit.
type savedModel struct {
	network     *nn.Network
	preparation *prep.Preparation
	weights     [][]float32 // as the network's Parameters
	temperature float64     // what logits are divided by; 0 for none
}

// write puts the SavedModel into dir. The same weights and preparation give the same bytes.
func (m *savedModel) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "variables"), 0o750); err != nil {
		return err
	}
	if err := m.writeVariables(filepath.Join(dir, "variables", "variables")); err != nil {
		return fmt.Errorf("write the variables: %w", err)
	}
	mg, err := m.metaGraph()
	if err != nil {
		return fmt.Errorf("build the SavedModel: %w", err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&meta.SavedModel{SavedModelSchemaVersion: 1, MetaGraphs: []*meta.MetaGraphDef{mg}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "saved_model.pb"), b, 0o600)
}

// writeVariables writes the checkpoint of the weights with TensorFlow's own operation, whose bytes depend on nothing else.
func (m *savedModel) writeVariables(prefix string) error {
	g := graph.New()
	var names, slices []string
	var tensors []graph.Value
	var feeds []*session.Tensor
	var inputs []string
	for i, p := range m.network.Parameters() {
		v := g.Arg(tf.Float, p.Shape...)
		names, slices, tensors = append(names, p.Name), append(slices, ""), append(tensors, v)
		inputs, feeds = append(inputs, graph.Name(v)), append(feeds, session.Of(m.weights[i], p.Shape...))
	}
	save := op.SaveV2(g.Scope(), g.Const(prefix), g.Const(names), g.Const(slices), tensors)
	def, err := g.Bytes()
	if err != nil {
		return err
	}
	s, err := session.Open(def, session.Here())
	if err != nil {
		return err
	}
	defer s.Close()
	call, err := s.Call(inputs, []string{save.Name()})
	if err != nil {
		return err
	}
	_, err = call.Run(feeds...)
	return err
}

// metaGraph builds the graph with its signatures.
func (m *savedModel) metaGraph() (*meta.MetaGraphDef, error) {
	g := graph.New()
	vs := declare(g, m.network.Parameters())
	signatures := map[string]*meta.SignatureDef{encodedSignature: m.encoded(g, vs.values), rawSignature: m.raw(g, vs.values)}
	maps.Copy(signatures, m.ofExamples(g, vs.values))
	mg := &meta.MetaGraphDef{
		MetaInfoDef:   &meta.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}, TensorflowVersion: tf.Version()},
		SignatureDef:  signatures,
		SaverDef:      vs.saver(g),
		CollectionDef: vs.collections(),
	}
	b, err := g.Bytes()
	if err != nil {
		return nil, err
	}
	mg.GraphDef = new(graph_go_proto.GraphDef)
	return mg, proto.Unmarshal(b, mg.GraphDef)
}

// encoded is the network from x [batch, width], or [batch, lookback, width] of a time series, to y [batch, outputs].
func (m *savedModel) encoded(g *graph.Graph, w []graph.Value) *meta.SignatureDef {
	shape := []int{-1, m.preparation.Width()}
	if m.preparation.Lookback > 0 {
		shape = []int{-1, m.preparation.Lookback, m.preparation.Width()}
	}
	x := g.Arg(tf.Float, shape...)
	y := g.Identity(m.answer(g, x, w))
	return &meta.SignatureDef{MethodName: "tensorflow/serving/predict",
		Inputs:  map[string]*meta.TensorInfo{"x": info(x, shape...)},
		Outputs: map[string]*meta.TensorInfo{"y": info(y, -1, m.network.Width())}}
}

// answer applies the network to encoded rows.
func (m *savedModel) answer(g *graph.Graph, x graph.Value, w []graph.Value) graph.Value {
	if m.preparation.Lookback > 0 { // the network wants the steps first
		x = op.Transpose(g.Scope(), x, g.Ints(1, 0, 2))
	}
	logits := m.network.Logits(&nn.Pass{Graph: g, Rows: -1}, x, w)
	if m.temperature != 0 {
		logits = g.Div(logits, g.Float(m.temperature))
	}
	return m.network.Answer(g, logits)
}

// Variables are the weights inside a graph.
type variables struct {
	parameters      []nn.Parameter
	handles, values []graph.Value
	beginnings      []graph.Value // what they are before anybody restores them
	initializers    []*tf.Operation
}

func declare(g *graph.Graph, parameters []nn.Parameter) *variables {
	vs := &variables{parameters: parameters}
	for _, p := range parameters {
		dims := make([]int64, len(p.Shape))
		for i, d := range p.Shape {
			dims[i] = int64(d)
		}
		h := op.VarHandleOp(g.Named(p.Name), tf.Float, tf.MakeShape(dims...), op.VarHandleOpSharedName(p.Name))
		zeros := g.Zeros(p.Shape...)
		vs.handles, vs.beginnings = append(vs.handles, h), append(vs.beginnings, zeros)
		vs.values = append(vs.values, op.ReadVariableOp(g.Named(p.Name), h, tf.Float))
		vs.initializers = append(vs.initializers, op.AssignVariableOp(g.Scope(), h, zeros))
	}
	return vs
}

// saver names the operations by which TensorFlow saves and restores the variables.
func (vs *variables) saver(g *graph.Graph) *meta.SaverDef {
	file := op.PlaceholderWithDefault(g.Named("saver"), g.Const("model"), tf.ScalarShape())
	names, slices := make([]string, len(vs.parameters)), make([]string, len(vs.parameters))
	types := make([]tf.DataType, len(vs.parameters))
	for i := range vs.parameters {
		names[i], types[i] = vs.parameters[i].Name, tf.Float
	}
	save := op.SaveV2(g.Scope(), file, g.Const(names), g.Const(slices), vs.values)
	restored := op.RestoreV2(g.Scope(), file, g.Const(names), g.Const(slices), types)
	if g.Err() != nil {
		return nil
	}
	saved := op.Identity(g.Scope().WithControlDependencies(save), file)
	var assigned []*tf.Operation
	for i, v := range restored {
		assigned = append(assigned, op.AssignVariableOp(g.Scope(), vs.handles[i], v))
	}
	all := op.NoOp(g.Named("restore_all").WithControlDependencies(assigned...))
	if g.Err() != nil {
		return nil
	}
	return &meta.SaverDef{FilenameTensorName: graph.Name(file), SaveTensorName: graph.Name(saved), RestoreOpName: all.Name(), Version: meta.SaverDef_V2}
}

// collections tell Python which variables there are: without them tf.saved_model.load finds none.
func (vs *variables) collections() map[string]*meta.CollectionDef {
	all, trainable := new(meta.CollectionDef_BytesList), new(meta.CollectionDef_BytesList)
	for i, p := range vs.parameters {
		if vs.initializers[i] == nil { // the graph is an error, which is told elsewhere
			return nil
		}
		b, err := proto.Marshal(&variable_go_proto.VariableDef{VariableName: graph.Name(vs.handles[i]), InitialValueName: graph.Name(vs.beginnings[i]),
			InitializerName: vs.initializers[i].Name(), SnapshotName: graph.Name(vs.values[i]), IsResource: true, Trainable: !p.Frozen})
		if err != nil {
			return nil
		}
		all.Value = append(all.Value, b)
		if !p.Frozen {
			trainable.Value = append(trainable.Value, b)
		}
	}
	return map[string]*meta.CollectionDef{"variables": {Kind: &meta.CollectionDef_BytesList_{BytesList: all}},
		"trainable_variables": {Kind: &meta.CollectionDef_BytesList_{BytesList: trainable}}}
}

// info describes a value in a signature.
func info(v graph.Value, shape ...int) *meta.TensorInfo {
	dims := new(tensor_shape_go_proto.TensorShapeProto)
	for _, d := range shape {
		dims.Dim = append(dims.Dim, &tensor_shape_go_proto.TensorShapeProto_Dim{Size: int64(d)})
	}
	t := &meta.TensorInfo{Encoding: &meta.TensorInfo_Name{Name: graph.Name(v)}, TensorShape: dims}
	if v.Op != nil {
		t.Dtype = types_go_proto.DataType(v.DataType())
	}
	return t
}
