package mlcore

import (
	"cmp"
	"encoding/json"
	"fmt"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/portable"
)

// Details describe a version beyond what its manifest says of every fit. They are its Fit.Details.
type Details struct {
	TensorFlow string `json:"tensorflow"` // the library's version
	Device     string `json:"device"`     // cpu or gpu
	Execution  string `json:"execution"`  // plain or xla; the two differ in the last digits
	Seed       uint64 `json:"seed"`

	Layers          []LayerDetails   `json:"layers"`
	TotalParameters int              `json:"totalParameters"`
	Weights         []portable.Shape `json:"weights"` // in the order of the variables' file
	Loss            string           `json:"loss"`
	OutputUnits     int              `json:"outputUnits"`
	Output          string           `json:"outputActivation"`

	TrainRows   int        `json:"trainRows"`
	HoldoutRows int        `json:"holdoutRows"`        // 0: the metrics are those of the rows that were learnt from
	LoadRows    int        `json:"loadRows,omitempty"` // rows that were in memory at once, where that was not all of them
	BestEpoch   int        `json:"bestEpoch,omitempty"`
	Interval    *Interval  `json:"interval,omitempty"`
	Temperature float64    `json:"temperature,omitempty"` // of classes: what the logits are divided by, so that confidence is how often it is right
	Confusion   [][]int    `json:"confusion,omitempty"`   // [true class][predicted class] on the holdout
	Diagnosis   *Diagnosis `json:"diagnosis,omitempty"`   // of numbers; nil in older versions
	Examples    []Example  `json:"examples,omitempty"`
}

// LayerDetails describe one layer.
type LayerDetails struct {
	Name             string           `json:"name"`
	Kind             string           `json:"kind"`
	Activation       string           `json:"activation,omitempty"`
	Dropout          float64          `json:"dropout,omitempty"`
	RecurrentDropout float64          `json:"recurrentDropout,omitempty"`
	Output           int              `json:"output"`     // numbers for each row
	Parameters       int              `json:"parameters"` // numbers that it learns
	Shapes           map[string][]int `json:"shapes,omitempty"`
}

// An Interval says how far from a prediction the truth lies at most, for a share of Level of all records: the split-conformal
// quantile of the holdout's absolute errors, in the target's own units. It holds on average for records that are like those
// of the holdout, whatever the shape of the errors; it is the same width for all records.
type Interval struct {
	Level     float64 `json:"level"`
	HalfWidth float64 `json:"halfWidth"`
}

// An Example is a record, or the window of a time series, with the prediction that the version gave when it was made. Whoever
// loads the version elsewhere must get the same.
type Example struct {
	Records    []retrain.Record   `json:"records"`
	Prediction retrain.Prediction `json:"prediction"`
}

// ReadDetails returns the details of a fit.
func ReadDetails(f *retrain.Fit) (*Details, error) {
	d := new(Details)
	if err := json.Unmarshal(f.Details, d); err != nil {
		return nil, fmt.Errorf("details: %w", err)
	}
	return d, nil
}

// describe fills in what d says about a network.
func (d *Details) describe(n *nn.Network, loss nn.Loss) {
	names := n.Names()
	for i, l := range n.Layers {
		layer := LayerDetails{Name: names[i], Kind: l.Kind(), Output: l.Width()}
		switch l := l.(type) {
		case nn.Dense:
			layer.Activation = cmp.Or(l.Activation, "linear")
		case nn.LSTM:
			layer.Activation, layer.Dropout, layer.RecurrentDropout = "tanh", l.Dropout, l.Recurrent
		case nn.Dropout:
			layer.Dropout = l.Rate
		}
		if i == len(n.Layers)-1 { // whose activation stands beside the layers
			layer.Activation = cmp.Or(n.Output, layer.Activation)
		}
		for _, p := range l.Parameters() {
			if layer.Shapes == nil {
				layer.Shapes = make(map[string][]int)
			}
			layer.Shapes[p.Name] = p.Shape
			layer.Parameters += p.Size()
		}
		d.Layers = append(d.Layers, layer)
		d.TotalParameters += layer.Parameters
	}
	d.Weights = shapesOf(n.Parameters())
	d.Loss, d.OutputUnits, d.Output = string(loss), n.Width(), cmp.Or(n.Output, "linear")
}
