package mlcore

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestSeason(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	series := func(f func(i int) float64) []float64 {
		x := make([]float64, 120)
		for i := range x {
			x[i] = f(i)
		}
		return x
	}
	for name, test := range map[string]struct {
		x    []float64
		want int
	}{
		"a year of months on a trend": {series(func(i int) float64 { return float64(2*i) + 30*math.Sin(2*math.Pi*float64(i)/12) + r.NormFloat64() }), 12},
		"weekends":                    {series(func(i int) float64 { return map[bool]float64{true: 3, false: 10}[i%7 > 4] + 0.5*r.NormFloat64() }), 7},
		"a trend alone":               {series(func(i int) float64 { return float64(i) }), 0},
		"noise":                       {series(func(int) float64 { return r.NormFloat64() }), 0},
		"too short":                   {[]float64{1, 2, 1, 2, 1}, 0},
	} {
		if got := season(test.x); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}
