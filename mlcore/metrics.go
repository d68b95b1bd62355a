package mlcore

import (
	"cmp"
	"math"
	"slices"
)

// conformalLevel is the share of truths that a prediction interval should hold.
const conformalLevel = 0.9

// judgeNumbers returns how good predictions of one target are, in its own units: mse, mae, rmse, r2 and mape (the mean of
// |error/truth| over truths that are not zero), and what a trivial prediction, row by row, would reach: baselineMae and
// baselineRmse.
func judgeNumbers(truth, predicted, trivial []float64) map[string]float64 {
	mean := average(truth)
	var absolute, square, spread, baseAbsolute, baseSquare, share, shares float64
	for i, v := range truth {
		miss, base := predicted[i]-v, trivial[i]-v
		absolute += math.Abs(miss)
		square += miss * miss
		spread += (v - mean) * (v - mean)
		baseAbsolute += math.Abs(base)
		baseSquare += base * base
		if v != 0 {
			share += math.Abs(miss / v)
			shares++
		}
	}
	n := float64(len(truth))
	m := map[string]float64{"mse": square / n, "mae": absolute / n, "rmse": math.Sqrt(square / n), "r2": determination(square, spread),
		"baselineMae": baseAbsolute / n, "baselineRmse": math.Sqrt(baseSquare / n)}
	if shares > 0 {
		m["mape"] = 100 * share / shares
	}
	return m
}

// determination is R²: the share of the truth's spread that was predicted. Where the truth does not vary it is 1 if the
// predictions hit it, and 0 otherwise.
func determination(square, spread float64) float64 {
	switch {
	case spread > 0:
		return 1 - square/spread
	case square == 0:
		return 1
	}
	return 0
}

func average(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// judgeClasses returns how good probabilities [rows][classes] are for the true classes: loss (the mean of -log of what the
// truth was given), accuracy, and precision, recall, f1 and auc, which are those of class 1 where there are two classes and
// the mean over classes where there are more; baselineAccuracy is what always answering the class majority would reach. The
// confusion matrix counts rows by [true class][predicted class].
func judgeClasses(truth []int, probabilities [][]float64, majority int) (map[string]float64, [][]int) {
	k := len(probabilities[0])
	confusion := make([][]int, k)
	for i := range confusion {
		confusion[i] = make([]int, k)
	}
	loss, common := 0.0, 0.0
	for i, p := range probabilities {
		confusion[truth[i]][likeliest(p)]++
		loss -= math.Log(max(p[truth[i]], 1e-7))
		if truth[i] == majority {
			common++
		}
	}
	n := float64(len(truth))
	m := map[string]float64{"loss": loss / n, "baselineAccuracy": common / n}
	classes := []int{1}
	if k > 2 {
		classes = classes[:0]
		for c := range k {
			classes = append(classes, c)
		}
	}
	for c := range k {
		m["accuracy"] += float64(confusion[c][c]) / n
	}
	for _, c := range classes {
		precision, recall := hits(confusion, c)
		m["precision"] += precision / float64(len(classes))
		m["recall"] += recall / float64(len(classes))
		m["auc"] += areaUnderCurve(truth, probabilities, c) / float64(len(classes))
		if precision+recall > 0 {
			m["f1"] += 2 * precision * recall / (precision + recall) / float64(len(classes))
		}
	}
	if _, ok := m["f1"]; !ok {
		m["f1"] = 0
	}
	return m, confusion
}

// hits returns the precision and recall of class c, 0 where nothing was predicted or true.
func hits(confusion [][]int, c int) (precision, recall float64) {
	predicted, actual := 0, 0
	for i := range confusion {
		predicted += confusion[i][c]
		actual += confusion[c][i]
	}
	hit := float64(confusion[c][c])
	return hit / float64(max(predicted, 1)), hit / float64(max(actual, 1))
}

// areaUnderCurve is the probability that a row of class c is given more of c than a row of another class; ties count half.
// It is 0.5 where one of the two kinds is missing.
func areaUnderCurve(truth []int, probabilities [][]float64, c int) float64 {
	order := make([]int, len(truth))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(probabilities[a][c], probabilities[b][c]) })
	ranks, positive := 0.0, 0.0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && probabilities[order[j]][c] == probabilities[order[i]][c] {
			j++
		}
		for _, row := range order[i:j] {
			if truth[row] == c {
				positive++
				ranks += float64(i+j+1) / 2 // the mean rank of the ties, counted from 1
			}
		}
		i = j
	}
	negative := float64(len(truth)) - positive
	if positive == 0 || negative == 0 {
		return 0.5
	}
	return (ranks - positive*(positive+1)/2) / (positive * negative)
}

// likeliest returns the index of the greatest.
func likeliest(p []float64) int {
	best := 0
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	return best
}

// conformal returns the half width that holds a share of level of the absolute errors of rows like these: with n errors the
// ⌈(n+1)·level⌉-th smallest. It is false where there are too few rows for that.
func conformal(truth, predicted []float64, level float64) (float64, bool) {
	misses := make([]float64, len(truth))
	for i := range truth {
		misses[i] = math.Abs(predicted[i] - truth[i])
	}
	slices.Sort(misses)
	k := int(math.Ceil(float64(len(misses)+1) * level))
	if k > len(misses) {
		return 0, false
	}
	return misses[k-1], true
}
