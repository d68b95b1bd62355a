package mlcore

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"retrain/mlcore/prep"
)

// What is spent on importances: so many rows at most, each feature shuffled so often, and no more multiplications in all than
// take about a fifth of a second. A fit that would need more measures fewer rows, and none where that would say nothing.
const (
	importanceRows       = 1000
	importanceRepeats    = 3
	importanceOperations = 400_000_000
	importanceNumbers    = 4 << 20 // that the network sees at once
	leastImportanceRows  = 20
)

// importance returns how much each feature matters to the written version: what is lost when its values are shuffled among the
// rows that the metrics come from. Of numbers it is the loss of R², averaged over the targets; of classes that of accuracy.
// Next to nothing, or less, is a feature that could be left out; two that say the same share what they matter. The shuffling
// follows from the seed alone. It returns nil where it would take too long or say nothing.
func (f *fit) importance(ctx context.Context, l *Loaded) (map[string]float64, error) {
	s, err := f.sample()
	if s == nil || err != nil {
		return nil, err // nil and nil: the importances are not known
	}
	whole, ok, err := f.score(l, s, s.x)
	if err != nil || !ok {
		return nil, err
	}
	lost := make(map[string]float64, len(f.preparation.Features))
	random := rand.New(rand.NewPCG(f.Model.Seed, uint64(len(s.rows))))
	from := 0
	for i := range f.preparation.Features {
		feature := &f.preparation.Features[i]
		for range importanceRepeats {
			if err := ctx.Err(); err != nil {
				return nil, context.Cause(ctx)
			}
			score, _, err := f.score(l, s, s.shuffled(f.preparation, from, feature.Width(), random.Perm(len(s.rows))))
			if err != nil {
				return nil, err
			}
			lost[feature.Name] += (whole - score) / importanceRepeats
		}
		if v := lost[feature.Name]; math.IsNaN(v) || math.IsInf(v, 0) { // other combinations of values lead too far
			return nil, nil //nolint:nilnil // see above
		}
		from += feature.Width()
	}
	return lost, nil
}

// A sample is rows to judge by, with what the network sees of them: x [rows, lookback, width], the lookback 1 where each row
// stands by itself.
type sample struct {
	rows            []int32
	x               []float32
	lookback, width int
	shape           []int // of x, as the network wants it
}

// sample returns rows of the holdout, or of the learnt rows where nothing was held out, evenly spread; nil for too few.
func (f *fit) sample() (*sample, error) {
	rows := f.data.Holdout
	if len(rows) == 0 {
		rows = f.data.Train
	}
	p := f.training.plan
	s := &sample{lookback: max(1, p.lookback), width: p.width}
	each := s.lookback * len(f.preparation.Features) * importanceRepeats
	for _, parameter := range p.network.Parameters() {
		each += s.lookback * len(f.preparation.Features) * importanceRepeats * parameter.Size()
	}
	n := min(len(rows), importanceRows, importanceOperations/each, importanceNumbers/(s.lookback*s.width))
	if n < leastImportanceRows {
		return nil, nil //nolint:nilnil // see above
	}
	of := s.lookback * s.width
	s.x = make([]float32, n*of)
	for i := range n {
		row := rows[i*len(rows)/n]
		s.rows = append(s.rows, row)
		if err := f.data.Encoded(s.x[i*of:(i+1)*of], int(row)-p.lookback); err != nil {
			return nil, err
		}
	}
	s.shape = []int{n, s.width}
	if p.lookback > 0 {
		s.shape = []int{n, s.lookback, s.width}
	}
	return s, nil
}

// shuffled returns x with the columns of a feature taken from other rows; of a window all its steps from the same one.
func (s *sample) shuffled(p *prep.Preparation, from, width int, order []int) []float32 {
	x := slices.Clone(s.x)
	of := s.lookback * s.width
	for i, other := range order {
		for step := range s.lookback {
			at := step*s.width + from
			copy(x[i*of+at:i*of+at+width], s.x[other*of+at:other*of+at+width])
			p.Multiply(x[i*of+step*s.width : i*of+(step+1)*s.width])
		}
	}
	return x
}

// score returns how good the version is on a sample for which it sees x, and false where that says nothing.
func (f *fit) score(l *Loaded, s *sample, x []float32) (float64, bool, error) {
	k := f.training.plan.network.Width()
	answers := make([]float32, len(s.rows)*k)
	if err := l.network.Floats(x, s.shape, answers); err != nil {
		return 0, false, err
	}
	if len(f.preparation.Targets[0].Classes) > 0 {
		right := 0
		for i, p := range distributions(answers, k) {
			if likeliest(p) == int(f.data.Y[s.rows[i]]) {
				right++
			}
		}
		return float64(right) / float64(len(s.rows)), true, nil
	}
	sum, truth, predicted := 0.0, f.truths(s.rows), f.unscaled(answers)
	for j := range k {
		explained, ok := explained(column(truth, k, j), column(predicted, k, j))
		if !ok {
			return 0, false, nil
		}
		sum += explained / float64(k)
	}
	return sum, true, nil
}

// explained returns R², and false where all truths are the same.
func explained(truth, predicted []float64) (float64, bool) {
	mean, missed, spread := average(truth), 0.0, 0.0
	for i, v := range truth {
		missed += (predicted[i] - v) * (predicted[i] - v)
		spread += (v - mean) * (v - mean)
	}
	if spread == 0 {
		return 0, false
	}
	return 1 - missed/spread, true
}
