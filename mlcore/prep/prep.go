// Package prep turns records into numbers, and remembers how, so that a prediction is prepared exactly as the training was.
// It is plain Go: no TensorFlow, no cgo.
//
// The way of a record, its files in the order of the steps:
//
//	check.go     what a model may say
//	expression.go, functions.go
//	             filter and map: compiled once, evaluated row by row
//	select.go    partition and filter: which records are learnt
//	gather.go    the tables with their accepted rows, and what map makes of these
//	room.go      how much of all that stays in memory; shelf.go, pack.go and matrix.go: the rest in files
//	split.go     which rows are learnt from and which are held out; windows of a time series
//	learn.go     what the training rows say: forms, ranges, levels, classes
//	terms.go     polynomial terms of those columns
//	target.go    targets to the network and back
//	prepare.go   all of it, in one function; data.go is its result
//	express.go   what older columns are in terms of newer ones
//	encoder.go   a value becomes columns of the network's input; the same for the records of a prediction
package prep

// A Form says how a feature becomes numbers. It is stored in manifests: never change a value.
type Form string

// The forms of a feature.
const (
	Numeric  Form = "number"   // one column, min-max scaled
	Boolean  Form = "boolean"  // one column, 0 or 1, not scaled
	Date     Form = "date"     // one column: Unix seconds, min-max scaled
	Category Form = "category" // one column per level, one-hot; a level that training did not see is all zeros
)

// A Feature is how one feature is encoded. All of it comes from the training rows, the holdout left aside.
type Feature struct {
	Name    string   `json:"name"`
	Form    Form     `json:"form"`
	Min     float64  `json:"min,omitempty"`
	Max     float64  `json:"max,omitempty"`     // Min: a constant feature, encoded as 0
	Mean    float64  `json:"mean,omitempty"`    // what a missing value is replaced by, where the model says onMissing: mean
	Levels  []string `json:"levels,omitempty"`  // sorted
	Counts  []int    `json:"counts,omitempty"`  // rows by tenth of Min to Max, by level, or false and true
	Missing int      `json:"missing,omitempty"` // rows that were without it
}

// A Target is how a target is encoded: a number by min-max, classes by their index.
type Target struct {
	Name    string   `json:"name"`
	Min     float64  `json:"min,omitempty"`
	Max     float64  `json:"max,omitempty"`
	Classes []string `json:"classes,omitempty"` // sorted; numbers as JSON writes them
	Of      Form     `json:"of,omitempty"`      // what the classes were: category, number or boolean
}

// A Preparation is everything that prediction must do to a record before the network sees it, and to the network's answer
// afterwards. Its JSON form stands in the manifest.
//
// The network's input has the columns of the features in their order, then one column for each of Terms. A term is a product
// of columns before it: [0, 0, 3] is the square of column 0 times column 3, multiplied from left to right in float32.
//
// The features of a time series include its target, whose past the network sees; it is the last one where the model does not
// name it.
type Preparation struct {
	Format    int               `json:"format"` // 1
	Map       map[string]string `json:"map,omitempty"`
	Features  []Feature         `json:"features"`
	Terms     [][]int           `json:"terms,omitempty"`
	Targets   []Target          `json:"targets"`
	OnMissing string            `json:"onMissing"`
	Lookback  int               `json:"lookback,omitempty"` // time series: rows of a window
	OrderBy   string            `json:"orderBy,omitempty"`  // time series; "" where the records' own order counts
}

// Width returns the number of columns of the network's input.
func (p *Preparation) Width() int { return p.base() + len(p.Terms) }

// base is the number of columns before the terms.
func (p *Preparation) base() int {
	n := 0
	for i := range p.Features {
		n += p.Features[i].Width()
	}
	return n
}

// Outputs returns the number of targets. A class is one of them, however many classes there are.
func (p *Preparation) Outputs() int { return len(p.Targets) }

// Width returns the number of columns of a feature.
func (f *Feature) Width() int {
	if f.Form == Category {
		return len(f.Levels)
	}
	return 1
}
