package nn

import (
	"math"
	"math/rand/v2"
	"slices"
)

// An Init says how a parameter begins.
type Init string

// The ways to begin.
const (
	Zeros         Init = "zeros"
	Ones          Init = "ones"
	GlorotUniform Init = "glorotUniform" // uniform within ±√(6 / (in + out))
	Orthogonal    Init = "orthogonal"    // rows of length 1 at right angles
	ForgetOnes    Init = "forgetOnes"    // an LSTM's bias: 1 for the forget gate, 0 elsewhere
)

// First returns the parameters' first values. They depend on the seed, the parameter's place and its shape, nothing else.
func First(parameters []Parameter, seed uint64) [][]float32 {
	first := make([][]float32, len(parameters))
	for i := range parameters {
		first[i] = parameters[i].first(rand.New(rand.NewPCG(seed, uint64(i))))
	}
	return first
}

func (p *Parameter) first(r *rand.Rand) []float32 {
	x := make([]float32, p.Size())
	switch p.First {
	case Ones:
		fill(x, 1)
	case ForgetOnes:
		fill(x[len(x)/4:len(x)/2], 1) // gates stand in the order input, forget, cell, output
	case GlorotUniform:
		limit := math.Sqrt(6 / float64(p.Shape[0]+p.Shape[1]))
		for i := range x {
			x[i] = float32((2*r.Float64() - 1) * limit)
		}
	case Orthogonal:
		orthogonal(x, p.Shape[0], r)
	}
	return x
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// orthogonal fills x [rows, columns], rows ≤ columns, by Gram and Schmidt's way on normal random rows.
func orthogonal(x []float32, rows int, r *rand.Rand) {
	columns := len(x) / rows
	var done [][]float64
	for i := range rows {
		v := make([]float64, columns)
		for j := range v {
			v[j] = r.NormFloat64()
		}
		for range 2 { // twice, since once leaves a rest of rounding
			for _, u := range done {
				d := dot(u, v)
				for j := range v {
					v[j] -= d * u[j]
				}
			}
		}
		length := math.Sqrt(dot(v, v))
		for j := range v {
			v[j] /= length
			x[i*columns+j] = float32(v[j])
		}
		done = append(done, slices.Clone(v))
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
