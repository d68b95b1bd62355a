package mlcore

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
	"retrain/mlcore/session"
)

// A curve is a case of testdata/curves.json, which Keras made: see curves.py beside it.
type curve struct {
	Name    string      `json:"name"`
	X       []float32   `json:"x"`
	Y       []float32   `json:"y"`
	First   [][]float32 `json:"first"`
	Losses  []float64   `json:"losses"`
	Answers []float32   `json:"answers"`
}

func dense(in, units int, activation string) nn.Dense {
	return nn.Dense{In: in, Units: units, Activation: activation}
}

func TestCurvesEqualKeras(t *testing.T) {
	adam := nn.Optimizer{Name: "adam"}
	hidden := func(activation string, out int, output string) nn.Network {
		return nn.Network{Layers: []nn.Layer{dense(3, 8, activation), dense(8, out, "")}, Output: output}
	}
	tests := map[string]struct {
		plan plan
		rate float64
	}{
		"linear":              {plan{network: nn.Network{Layers: []nn.Layer{dense(3, 1, "")}}, loss: nn.MeanSquaredError, optimizer: adam}, 0.01},
		"mse adam relu":       {plan{network: hidden("relu", 1, ""), loss: nn.MeanSquaredError, optimizer: adam}, 0.01},
		"mse two targets":     {plan{network: hidden("relu", 2, ""), loss: nn.MeanSquaredError, optimizer: adam, targets: 2}, 0.01},
		"mae sgd tanh":        {plan{network: hidden("tanh", 1, ""), loss: nn.MeanAbsoluteError, optimizer: nn.Optimizer{Name: "sgd"}}, 0.05},
		"huber momentum elu":  {plan{network: hidden("elu", 1, ""), loss: nn.Huber, optimizer: nn.Optimizer{Name: "sgd", Momentum: 0.9}}, 0.05},
		"mse rmsprop selu":    {plan{network: hidden("selu", 1, ""), loss: nn.MeanSquaredError, optimizer: nn.Optimizer{Name: "rmsprop"}}, 0.01},
		"binary":              {plan{network: hidden("sigmoid", 1, "sigmoid"), loss: nn.BinaryCrossentropy, optimizer: adam}, 0.01},
		"categorical":         {plan{network: hidden("relu", 3, "softmax"), loss: nn.CategoricalCrossentropy, optimizer: adam}, 0.01},
		"batch normalization": {plan{network: nn.Network{Layers: []nn.Layer{dense(3, 8, "relu"), nn.BatchNormalization{Of: 8}, dense(8, 1, "")}}, loss: nn.MeanSquaredError, optimizer: nn.Optimizer{Name: "sgd"}}, 0.05},
		"lstm":                {plan{network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 3, Units: 5, Steps: 7}, dense(5, 4, "relu"), dense(4, 1, "")}}, loss: nn.MeanSquaredError, optimizer: adam, lookback: 7}, 0.01},
		"lstm long":           {plan{network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 3, Units: 5, Steps: 40}, dense(5, 1, "")}}, loss: nn.MeanSquaredError, optimizer: adam, lookback: 40}, 0.01},
	}
	compiled := []string{"mse adam relu", "batch normalization"}
	var golden struct {
		Batch  int     `json:"batch"`
		Epochs int     `json:"epochs"`
		Cases  []curve `json:"cases"`
	}
	b, err := os.ReadFile("testdata/curves.json")
	if err == nil {
		err = json.Unmarshal(b, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		for _, compile := range []bool{false, true} {
			name := c.Name + " plain"
			if compile {
				name = c.Name + " compiled"
			}
			t.Run(name, func(t *testing.T) {
				if compile && !slices.Contains(compiled, c.Name) {
					t.Skip("compiling takes a second")
				}
				test, ok := tests[c.Name]
				if !ok {
					t.Fatal("no such case")
				}
				p := test.plan
				p.width, p.targets, p.batch, p.compile = 3, max(p.targets, 1), golden.Batch, compile
				got, answers := p.curve(t, c, test.rate, golden.Epochs)
				compare(t, "loss at step", got, c.Losses)
				compare(t, "answer", floats(answers), floats(c.Answers))
			})
		}
	}
}

// curve trains as Keras did, step by step, and returns the loss of each step and the first five answers.
func (p plan) curve(t *testing.T, c curve, rate float64, epochs int) (losses []float64, answers []float32) {
	t.Helper()
	rows := len(c.X) / p.width
	learn := make([]int32, rows-p.lookback)
	for i := range learn {
		learn[i] = int32(i + p.lookback)
	}
	p.rows, p.train, p.chunk = bucket(rows), bucket(len(learn)), bucket(len(learn))
	program, err := p.build(session.Here())
	if err != nil {
		t.Fatal(err)
	}
	defer program.session.Close()
	tr := &training{program: program, feed: fed(&p, c.X, c.Y, learn), epochs: epochs, rate: rate, shuffle: func([]int32, int, int) {},
		state: p.begin(c.First), pace: pace{sliced: 1}}
	before := 0.0
	tr.between = func(context.Context) error {
		s := tr.state
		if s.Step > 0 { // within an epoch: its sum grew by this step's loss
			n := min(p.batch, len(learn)-(s.Step-1)*p.batch)
			losses = append(losses, (float64(s.Loss)-before)/float64(n))
			before = float64(s.Loss)
		} else {
			before = 0
		}
		return nil
	}
	if err := tr.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers, err = tr.answer(t.Context(), learn[:5], tr.final())
	if err != nil {
		t.Fatal(err)
	}
	return losses, answers
}

// fed returns rows as a program reads them.
func fed(p *plan, x, y []float32, learn []int32) *feed {
	d := &prep.Data{X: x, Y: y, Rows: len(x) / p.width, Width: p.width, Outputs: p.targets, Train: learn}
	f := &feed{data: d, room: p.rows, lookback: p.lookback, x: session.New[float32](p.rows, p.width), y: session.New[float32](p.rows, p.targets)}
	f.cut()
	return f
}

func compare(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d, want %d of %s", len(got), len(want), what)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-5 {
			t.Fatalf("%s %d: got %.7f, want %.7f", what, i, got[i], want[i])
		}
	}
}

func floats(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}
