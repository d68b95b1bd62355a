package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"retrain"
)

// A Case is a network and how much it has to learn. It has one output; where Lookback is not 0, an LSTM reads a window of so
// many rows before it, the target's own past among their features.
type Case struct {
	Name     string       `json:"name"`
	Type     retrain.Kind `json:"type"`
	Rows     int          `json:"rows"` // or windows
	Features int          `json:"features"`
	Lookback int          `json:"lookback"`
	LSTM     int          `json:"lstm"`   // units
	Hidden   []int        `json:"hidden"` // units of the dense layers, relu
	Batch    int          `json:"batch"`
	Rate     float64      `json:"rate"` // of Adam
	Epochs   int          `json:"epochs"`

	Long int `json:"-"` // epochs of a second training in Retrain, one that is worth compiling; 0: none
	Slow int `json:"-"` // epochs of those whose steps take much longer
}

var cases = []Case{
	{Name: "dense", Type: retrain.NeuralNetwork, Rows: 10_000, Features: 8, Hidden: []int{64, 32}, Batch: 32, Rate: 0.001,
		Epochs: 50, Long: 500, Slow: 5},
	{Name: "lstm", Type: retrain.TimeSeries, Rows: 1_000, Features: 2, Lookback: 7, LSTM: 50, Hidden: []int{25}, Batch: 16, Rate: 0.001,
		Epochs: 50, Long: 500, Slow: 10},
	{Name: "lstm-large", Type: retrain.TimeSeries, Rows: 10_000, Features: 8, Lookback: 7, LSTM: 50, Hidden: []int{25}, Batch: 32, Rate: 0.001,
		Epochs: 20, Long: 100, Slow: 3},
	{Name: "short", Type: retrain.Regression, Rows: 100, Features: 4, Batch: 32, Rate: 0.01, Epochs: 30, Slow: 30},
}

// String describes the case in words.
func (c *Case) String() string {
	var b strings.Builder
	what := "rows"
	if c.Lookback > 0 {
		what = fmt.Sprintf("windows of %d rows", c.Lookback)
	}
	fmt.Fprintf(&b, "%d %s, %d", c.Rows, what, c.Features)
	if c.LSTM > 0 {
		fmt.Fprintf(&b, " → LSTM %d", c.LSTM)
	}
	for _, n := range c.Hidden {
		fmt.Fprintf(&b, " → %d", n)
	}
	fmt.Fprintf(&b, " → 1, Adam, batches of %d", c.Batch)
	return b.String()
}

// steps is how many batches an epoch has.
func (c *Case) steps() int { return (c.Rows + c.Batch - 1) / c.Batch }

// columns is how many numbers a row of the data has: the target comes last. A window has it among its features.
func (c *Case) columns() int {
	if c.Lookback > 0 {
		return c.Features
	}
	return c.Features + 1
}

// draw returns the data [rows, columns]: uniform features, and a target from 0 to 1 that is no line in them. That of a series
// follows from the row before.
func (c *Case) draw() []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	n := c.columns()
	data := make([]float32, (c.Rows+c.Lookback)*n)
	for at := 0; at < len(data); at += n {
		row := data[at : at+n]
		for i := range row[:n-1] {
			row[i] = r.Float32()
		}
		from := row[:n-1]
		if c.Lookback > 0 && at > 0 {
			from = data[at-n : at]
		}
		sum := 0.0
		for i, x := range from {
			sum += math.Sin(float64(i+1)*float64(x)) / float64(len(from))
		}
		row[n-1] = float32(sum*sum + 0.01*r.NormFloat64())
	}
	return data
}
