package mlcore

import (
	"math"
	"strconv"

	"retrain"
)

// A Diagnosis is what a picture of a version is drawn from: how what it predicts compares with what was true, for some rows of those
// that its metrics come from. It is small, and the same bytes wherever the run was done.
type Diagnosis struct {
	Format  int         `json:"format"`            // 1
	Rows    int         `json:"rows"`              // that there were
	Ordered bool        `json:"ordered,omitempty"` // the pairs are the last ones of a series, in the order of time; otherwise they are evenly spread
	Targets []Diagnosed `json:"targets"`
}

// A Diagnosed is one numeric target, in its own units, to six digits.
type Diagnosed struct {
	Target    string    `json:"target"`
	Actual    []float64 `json:"actual"`
	Predicted []float64 `json:"predicted"`
}

// What is kept of a version's predictions: manifests are read often.
const (
	mostPairs     = 200
	mostDiagnosed = 4 // targets
)

// diagnose keeps some of the numeric predictions [rows, targets] beside the truth.
func (f *fit) diagnose(truth, predicted []float64) {
	k := f.data.Outputs
	rows := len(predicted) / k
	d := &Diagnosis{Format: 1, Rows: rows, Ordered: f.Model.Type == retrain.TimeSeries}
	for j := range min(k, mostDiagnosed) {
		one := Diagnosed{Target: f.Model.Target[j], Actual: []float64{}, Predicted: []float64{}}
		for _, row := range shownRows(rows, d.Ordered) {
			is, said := truth[row*k+j], predicted[row*k+j]
			if !math.IsNaN(said-is) && !math.IsInf(said-is, 0) {
				one.Actual, one.Predicted = append(one.Actual, sixDigits(is)), append(one.Predicted, sixDigits(said))
			}
		}
		d.Targets = append(d.Targets, one)
	}
	f.details.Diagnosis = d
}

// shownRows returns which rows are kept: the last ones of a series, or some of all.
func shownRows(rows int, ordered bool) []int {
	shown := make([]int, min(rows, mostPairs))
	for i := range shown {
		if shown[i] = i * rows / len(shown); ordered {
			shown[i] = rows - len(shown) + i
		}
	}
	return shown
}

// sixDigits rounds a number to what a picture can show.
func sixDigits(x float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x
	}
	return short
}
