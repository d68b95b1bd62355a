package mlcore

import (
	"math"
	"testing"

	"retrain/mlcore/prep"
)

// What is asked as it was learnt has not drifted; what lies elsewhere has.
func TestDrift(t *testing.T) {
	p := &prep.Preparation{Features: []prep.Feature{
		{Name: "cost", Form: prep.Numeric, Max: 1, Counts: []int{100, 100, 100, 100, 100, 100, 100, 100, 100, 100}},
		{Name: "kind", Form: prep.Category, Levels: []string{"a", "b"}, Counts: []int{500, 500}},
		{Name: "sold", Form: prep.Boolean, Max: 1, Counts: []int{900, 100}},
	}}
	const width = 4
	ask := func(l *Loaded, row func(i int) []float32) {
		for i := range 1000 {
			l.drift.add(row(i), width)
		}
	}
	same, other := &Loaded{drift: newDrift(p)}, &Loaded{drift: newDrift(p)}
	ask(same, func(i int) []float32 {
		return []float32{float32(i%10)/10 + 0.05, float32(i % 2), float32(1 - i%2), float32((9 - min(i%10, 9)) / 9)}
	})
	ask(other, func(int) []float32 { return []float32{7, 0, 0, 1} })
	for name, psi := range same.Drift().PSI {
		if psi > 0.01 || math.IsNaN(psi) {
			t.Errorf("%s is %v, though nothing has changed", name, psi)
		}
	}
	for name, psi := range other.Drift().PSI {
		if psi < 1 || math.IsInf(psi, 0) {
			t.Errorf("%s is %v, though all has changed", name, psi)
		}
	}
	if feature, _, ok := other.Drift().Most(); !ok || feature == "" {
		t.Errorf("most drifted: %q, %v", feature, ok)
	}
}
