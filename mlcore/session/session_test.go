package session_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain/mlcore/graph"
	"retrain/mlcore/session"
)

// doubler returns a session that computes y = 2·x, and the names of both.
func doubler(t *testing.T) (s *session.Session, x, y string) {
	t.Helper()
	g := graph.New()
	in := g.Arg(tf.Float, -1, 2)
	out := g.Mul(in, g.Float(2))
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = session.Open(b, session.Here()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, graph.Name(in), graph.Name(out)
}

func TestRun(t *testing.T) {
	s, x, y := doubler(t)
	call, err := s.Call([]string{x}, []string{y})
	if err != nil {
		t.Fatal(err)
	}
	got, err := call.Run(session.Of([]float32{1, 2, 3, 4}, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{2, 4, 6, 8}; !slices.Equal(got[0].Floats(), want) {
		t.Errorf("got %v, want %v", got[0].Floats(), want)
	}
	got[0].Free()
	flat := make([]float32, 2)
	if err := call.Floats([]float32{5, 6}, []int{1, 2}, flat); err != nil || !slices.Equal(flat, []float32{10, 12}) {
		t.Errorf("got %v, %v", flat, err)
	}
}

// Each session has the threads of its own config, whoever came before.
func TestSessionsHaveTheirOwnThreads(t *testing.T) {
	doubler(t)
	g := graph.New()
	g.Arg(tf.Float, -1)
	b, err := g.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	before := threads(t)
	s, err := session.Open(b, &session.Config{IntraOpParallelismThreads: 7, InterOpParallelismThreads: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if more := threads(t) - before; more < 7 {
		t.Errorf("got %d more threads, want 7", more)
	}
}

// threads returns how many threads the process has.
func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip(err)
	}
	return len(tasks)
}

func TestWhatARunRefuses(t *testing.T) {
	s, x, y := doubler(t)
	call, err := s.Call([]string{x}, []string{y})
	if err != nil {
		t.Fatal(err)
	}
	_, missing := s.Call([]string{"nobody:0"}, nil)
	_, none := call.Run()
	_, kind := call.Run(session.Of([]int32{1, 2}, 1, 2))
	_, junk := session.Open([]byte("no graph"), session.Here())
	_, _, folder := session.Load(t.TempDir(), session.Here())
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"an operation that is not there":       {missing, `no operation "nobody"`},
		"too few tensors":                      {none, "0 tensors for 1 inputs"},
		"another type":                         {kind, "tensorflow: "},
		"bytes that are no graph":              {junk, "tensorflow: "},
		"a folder without a SavedModel":        {folder, "tensorflow: "},
		"as many numbers as another shape has": {call.Floats([]float32{1}, []int{1, 2}, make([]float32, 2)), "1 numbers for shape [1 2]"},
		"room for fewer answers":               {call.Floats([]float32{1, 2}, []int{1, 2}, make([]float32, 1)), "answered 2 numbers, not 1"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, test.err, test.says)
		}
	}
}

func TestScalarsAndZeros(t *testing.T) {
	if got := session.View[int32](session.Scalar(int32(7))); !slices.Equal(got, []int32{7}) {
		t.Errorf("got %v", got)
	}
	if got := session.View[float64](session.New[float64](2, 2)); !slices.Equal(got, make([]float64, 4)) {
		t.Errorf("got %v", got)
	}
	if got := session.View[uint32](session.New[uint32](0, 3)); len(got) != 0 {
		t.Errorf("got %v of nothing", got)
	}
}
