package mlcore

import "math"

// least is a probability that counts as none; its logarithm is a number.
const least = 1e-7

// Fewer rows than this are too few to calibrate by.
const leastToCalibrate = 20

// temperature returns by what the logits of a classifier should be divided, so that its probabilities say how often it is
// right: the one that makes the true classes of rows it has not learnt the most likely. Above 1 it was too sure of itself.
// The likeliest class stays what it is. It is 1 where there are too few rows.
func temperature(truth []int, probabilities [][]float64) float64 {
	if len(truth) < leastToCalibrate {
		return 1
	}
	logits := make([][]float64, len(probabilities))
	for i, p := range probabilities {
		for _, v := range p {
			logits[i] = append(logits[i], math.Log(max(v, least)))
		}
	}
	surprise := func(log float64) float64 { // the cross-entropy at the temperature eˡᵒᵍ
		loss, colder := 0.0, math.Exp(-log)
		for i, z := range logits {
			sum := 0.0
			for _, v := range z {
				sum += math.Exp(v * colder)
			}
			loss += math.Log(sum) - z[truth[i]]*colder
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
		q[i] = math.Pow(max(p[i], least), 1/t)
		sum += q[i]
	}
	for i := range q {
		q[i] /= sum
	}
	return q
}
