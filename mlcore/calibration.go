package mlcore

import "math"

// Fewer rows than this are too few to calibrate by.
const leastToCalibrate = 20

// temperature returns by what the logits of a classifier should be divided, so that its probabilities say how often it is
// right: the one that makes the true classes of rows it has not learnt the most likely. Above 1 it was too sure of itself.
// The likeliest class stays what it is. It is 1 where there are too few rows.
func temperature(truth []int, probabilities [][]float64) float64 {
	if len(truth) < leastToCalibrate {
		return 1
	}
	surprise := func(log float64) float64 {
		loss := 0.0
		for i, p := range probabilities {
			loss -= math.Log(tempered(p, math.Exp(log))[truth[i]])
		}
		return loss
	}
	// The loss has one valley in the inverse of the temperature: golden sections find its ground between 1/10 and 10.
	low, high := -math.Log(10), math.Log(10)
	golden := (math.Sqrt(5) - 1) / 2
	a, b := high-golden*(high-low), low+golden*(high-low)
	fa, fb := surprise(a), surprise(b)
	for high-low > 1e-4 {
		if fa < fb {
			high, b, fb = b, a, fa
			a = high - golden*(high-low)
			fa = surprise(a)
		} else {
			low, a, fa = a, b, fb
			b = low + golden*(high-low)
			fb = surprise(b)
		}
	}
	return math.Exp((low + high) / 2)
}

// tempered returns the probabilities that the logits divided by t would have given.
func tempered(p []float64, t float64) []float64 {
	q, sum := make([]float64, len(p)), 0.0
	for i := range p {
		q[i] = math.Pow(max(p[i], 1e-7), 1/t)
		sum += q[i]
	}
	for i := range q {
		q[i] /= sum
	}
	return q
}
