// Package prep turns records into numbers, and remembers how, so that a prediction is prepared exactly as the training was.
// It is plain Go: no TensorFlow, no cgo.
package prep

import (
	"iter"

	"retrain"
)

// A Form says how a feature becomes numbers. It is stored in manifests: never change a value.
type Form string

// The forms of a feature.
const (
	Numeric  Form = "number"   // one column, min-max scaled
	Boolean  Form = "boolean"  // one column, 0 or 1, not scaled
	Date     Form = "date"     // one column: Unix seconds, min-max scaled
	Category Form = "category" // one column per level, one-hot; a level that training did not see is all zeros
)

// A Feature is how one feature is encoded.
type Feature struct {
	Name   string   `json:"name"`
	Form   Form     `json:"form"`
	Min    float64  `json:"min,omitempty"`
	Max    float64  `json:"max,omitempty"`  // Min: a constant feature, encoded as 0
	Mean   float64  `json:"mean,omitempty"` // what a missing value is replaced by, where the model says onMissing: mean
	Levels []string `json:"levels,omitempty"`
}

// A Target is how a target is encoded: a number by min-max, classes by their index.
type Target struct {
	Name    string   `json:"name"`
	Min     float64  `json:"min,omitempty"`
	Max     float64  `json:"max,omitempty"`
	Classes []string `json:"classes,omitempty"` // sorted, as text
	Of      Form     `json:"of,omitempty"`      // what the classes were: category, number or boolean
}

// A Preparation is everything that prediction must do to a record before the network sees it, and to the network's answer
// afterwards. Its JSON form stands in the manifest.
type Preparation struct {
	Format    int               `json:"format"` // 1
	Map       map[string]string `json:"map,omitempty"`
	Features  []Feature         `json:"features"`
	Targets   []Target          `json:"targets"`
	OnMissing string            `json:"onMissing"`
	Lookback  int               `json:"lookback,omitempty"` // time series
	OrderBy   string            `json:"orderBy,omitempty"`
}

// Data is what a fit learns from.
type Data struct {
	X       []float32 // [rows, width], encoded and scaled
	Y       []float32 // [rows, outputs], scaled; for classes the index in one column
	Rows    int
	Width   int
	Outputs int
	Train   []int // row numbers, in a fixed order
	Holdout []int // row numbers; empty where validationSplit is 0
	Skipped int   // rows left out for a missing value
}

var _ = iter.Seq2[*retrain.Table, error](nil)
