package graph_test

import (
	"slices"
	"strings"
	"testing"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain/mlcore/graph"
	"retrain/mlcore/session"
)

// evaluate runs a graph without arguments.
func evaluate(t *testing.T, g *graph.Graph, v graph.Value) []float32 {
	t.Helper()
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.Open(b, session.Here())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call, err := s.Call(nil, []string{graph.Name(v)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := call.Run()
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Floats()
}

// A loop that doubles x until it has run n times, within a function, plain and compiled.
func TestWhileAndCall(t *testing.T) {
	for _, compile := range []bool{false, true} {
		b := graph.New()
		i, n, x := b.Arg(tf.Int32), b.Arg(tf.Int32), b.Arg(tf.Float, 2)
		body := b.Function("double", b.Add(i, b.Int(1)), n, b.Mul(x, b.Float(2)))
		c := graph.New()
		args := c.Args(body)
		more := c.Function("more", c.Less(args[0], args[1]))
		f := graph.New()
		n, x = f.Arg(tf.Int32), f.Arg(tf.Float, 2)
		power := f.Function("power", f.While(more, body, f.Int(0), n, x)[2])
		g := graph.New()
		got := evaluate(t, g, g.Call(power, compile, g.Int(5), g.Const([]float32{1, 3}))[0])
		if want := []float32{32, 96}; !slices.Equal(got, want) {
			t.Errorf("compiled %v: got %v, want %v", compile, got, want)
		}
	}
}

func TestTheFirstErrorSticks(t *testing.T) {
	g := graph.New()
	x := g.MatMul(g.Zeros(2, 3), g.Zeros(2, 3))
	y := g.Relu(g.Add(x, g.Float(1)))
	f := g.Function("broken", y)
	outer := graph.New()
	outer.Call(f, false)
	if _, err := g.Bytes(); err == nil || !strings.Contains(err.Error(), "MatMul") {
		t.Errorf("got %v, want what is wrong with MatMul", err)
	}
	if outer.Err() == nil {
		t.Error("a broken function can be called")
	}
}

func TestGradients(t *testing.T) {
	g := graph.New()
	x := g.Const([]float32{1, 2, 3})
	d := g.Gradients(g.Sum(g.Square(x), 0), []graph.Value{x})
	if got, want := evaluate(t, g, d[0]), []float32{2, 4, 6}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
