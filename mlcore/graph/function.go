package graph

import (
	"fmt"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/attr_value_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/types_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/op"
	"google.golang.org/protobuf/proto"

	"retrain/mlcore/session"
)

type (
	attribute = attr_value_go_proto.AttrValue
	node      = node_def_go_proto.NodeDef
	dataType  = types_go_proto.DataType
)

// A Function is a finished graph that others can call. If its graph is an error, so will be each that calls it.
type Function struct {
	def  *function_go_proto.FunctionDef
	uses []*Function
	err  error
}

// Function ends the graph as a function of its arguments that returns outs.
func (g *Graph) Function(name string, outs ...Value) *Function {
	var ends, results []string
	for i, v := range outs {
		o := g.Identity(v)
		if err := g.Err(); err != nil {
			return &Function{err: err}
		}
		ends, results = append(ends, o.Op.Name()), append(results, fmt.Sprintf("r%d", i))
	}
	b, err := g.Bytes()
	if err != nil {
		return &Function{err: err}
	}
	def, err := session.ToFunction(b, name, g.args, ends, results)
	return &Function{def, g.uses, err}
}

// Call calls f. With compile, XLA makes one kernel of it and of all that it calls.
func (g *Graph) Call(f *Function, compile bool, args ...Value) []Value {
	n := &node{Op: "PartitionedCall", Attr: map[string]*attribute{"Tin": types(f.inputs()), "Tout": types(f.outputs()), "f": function(f)}}
	if compile && f.err == nil {
		yes := &attribute{Value: &attr_value_go_proto.AttrValue_B{B: true}}
		n.Attr["_XlaMustCompile"] = yes
		if f.def.Attr == nil {
			f.def.Attr = make(map[string]*attribute)
		}
		f.def.Attr["_XlaMustCompile"] = yes
	}
	return g.functional(n, []*Function{f}, args, len(f.outputs()))
}

// While applies body to state for as long as cond, of the same arguments, is true, and returns the last state.
func (g *Graph) While(cond, body *Function, state ...Value) []Value {
	one := &attribute{Value: &attr_value_go_proto.AttrValue_I{I: 1}}
	n := &node{Op: "StatelessWhile", Attr: map[string]*attribute{"T": types(body.inputs()), "cond": function(cond), "body": function(body),
		"output_shapes": types(nil), "parallel_iterations": one}}
	return g.functional(n, []*Function{cond, body}, state, len(state))
}

// Until returns the condition of a loop over body whose first argument counts to n.
func Until(n int, body *Function) *Function {
	if body.err != nil {
		return body
	}
	g := New()
	return g.Function(body.Name()+"_more", g.Less(g.Args(body)[0], g.Int(n)))
}

// functional adds an operation that calls functions. The binding cannot give an operation a function, so the node goes in
// as a little GraphDef with the functions beside it, its inputs mapped to values of this graph.
func (g *Graph) functional(n *node, fs []*Function, inputs []Value, outputs int) []Value {
	for _, f := range fs {
		if f.err != nil {
			g.Fail(f.err)
		}
	}
	if g.Err() != nil {
		return make([]Value, outputs)
	}
	prefix := fmt.Sprintf("call%d", len(g.uses))
	def := &graph_go_proto.GraphDef{Library: &function_go_proto.FunctionDefLibrary{Function: library(fs)}}
	options := tf.GraphImportOptions{Prefix: prefix}
	for i, v := range inputs {
		name := fmt.Sprintf("a%d", i)
		def.Node = append(def.Node, &node{Name: name, Op: "Placeholder", Attr: map[string]*attribute{"dtype": kind(dataType(v.DataType()))}})
		n.Input = append(n.Input, name)
		options.AddInputMapping(name, 0, v)
	}
	n.Name = "f"
	def.Node = append(def.Node, n)
	b, err := proto.Marshal(def)
	if err == nil {
		err = g.graph.ImportWithOptions(b, options)
	}
	if err != nil {
		g.Fail(err)
		return make([]Value, outputs)
	}
	g.uses = append(g.uses, fs...)
	o := g.graph.Operation(prefix + "/f")
	values := make([]Value, outputs)
	for i := range values {
		values[i] = o.Output(i)
	}
	return values
}

// library returns the definitions of functions and of all that they use, each once.
func library(fs []*Function) (defs []*function_go_proto.FunctionDef) {
	seen := make(map[string]bool)
	var add func(fs []*Function)
	add = func(fs []*Function) {
		for _, f := range fs {
			if name := f.Name(); !seen[name] {
				seen[name] = true
				defs = append(defs, f.def)
				add(f.uses)
			}
		}
	}
	add(fs)
	return defs
}

func (f *Function) inputs() (ts []dataType) {
	for _, a := range f.def.GetSignature().GetInputArg() {
		ts = append(ts, a.Type)
	}
	return ts
}

func (f *Function) outputs() (ts []dataType) {
	for _, a := range f.def.GetSignature().GetOutputArg() {
		ts = append(ts, a.Type)
	}
	return ts
}

func kind(t dataType) *attribute {
	return &attribute{Value: &attr_value_go_proto.AttrValue_Type{Type: t}}
}

func types(ts []dataType) *attribute {
	return &attribute{Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{Type: ts}}}
}

func function(f *Function) *attribute {
	return &attribute{Value: &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: f.Name()}}}
}

// Name returns the function's name.
func (f *Function) Name() string { return f.def.GetSignature().GetName() }

// Args declares the same arguments as f has, of any shape.
func (g *Graph) Args(f *Function) []Value {
	args := g.Placeholders(f)
	for _, v := range args {
		if v.Op != nil {
			g.args = append(g.args, v.Op.Name())
		}
	}
	return args
}

// Placeholders returns values of the types of f's arguments, of any shape, to be fed.
func (g *Graph) Placeholders(f *Function) []Value {
	var args []Value
	for _, t := range f.inputs() {
		v := op.Placeholder(g.Named("arg"), tf.DataType(t))
		args = append(args, v)
	}
	return args
}
