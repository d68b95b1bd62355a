package prep

import (
	"cmp"
	"math"
	"slices"
	"time"

	"retrain"
)

// holdoutSize returns how many of n rows are held out. At least one remains to learn from.
func holdoutSize(n int, share float64) int {
	const rounding = 1e-9 // 0.1 of 30 are 3, whatever floating point makes of it
	return max(0, min(int(math.Ceil(share*float64(n)-rounding)), n-1))
}

// split divides rows 0 to n-1 by chance: in the order of a hash of the seed and each record's id, the first ones are held
// out. So a record keeps its side, but for a few at the border, while the data grows: a champion is judged on rows that it
// did not learn either. Where ids are missing or equal, rows follow in their order.
func split(g *gathering, rows []int, seed uint64, share float64) (train, holdout []int) {
	type drawn struct {
		row  int
		hash uint64
	}
	order := make([]drawn, len(rows))
	for i, row := range rows {
		id := recordID(g.origins[row])
		hash := mix(seed ^ mix(uint64(i)))
		if id != "" {
			hash = mix(seed ^ mix(fnv(id)))
		}
		order[i] = drawn{i, hash}
	}
	slices.SortFunc(order, func(a, b drawn) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.row, b.row)) })
	n := holdoutSize(len(rows), share)
	for i, d := range order {
		if i < n {
			holdout = append(holdout, d.row)
		} else {
			train = append(train, d.row)
		}
	}
	slices.Sort(train)
	slices.Sort(holdout)
	return train, holdout
}

// fnv is the FNV-1a hash of s.
func fnv(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// mix spreads the bits of x over all 64 (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chronological sorts rows by their time; rows of the same time stay in the order of their records. It returns the times in
// seconds, nil where there is no such field: then the order of the records is the order of time.
func chronological(g *gathering, rows []int, orderBy string) ([]float64, error) {
	if orderBy == "" {
		return nil, nil
	}
	c := g.column(orderBy)
	times := make([]float64, len(g.origins))
	for _, row := range rows {
		v := c.at(row)
		t, ok := v.asNumber()
		if date, isDate := v.date(); isDate && v.kind == retrain.Text {
			t, ok = seconds(date), true
		}
		if !ok || math.IsNaN(t) {
			return nil, invalid("orderBy %s: %s is neither a date nor a number (%s)", orderBy, v, g.record(row))
		}
		times[row] = t
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	sorted := make([]float64, len(rows))
	for i, row := range rows {
		sorted[i] = times[row]
	}
	return inSeconds(sorted), nil
}

// inSeconds turns milliseconds into seconds, in place: times of which the last is so large are milliseconds.
func inSeconds(sorted []float64) []float64 {
	if n := len(sorted); n > 0 && sorted[n-1] >= tooManySeconds {
		for i := range sorted {
			sorted[i] /= 1000
		}
	}
	return sorted
}

// windows divides the rows that a complete window precedes: the last ones in time are held out. Where maxGap is not 0, no
// window reaches over a longer gap, neither within nor to the row that it predicts.
func windows(n int, times []float64, m *retrain.Model) (train, holdout []int) {
	c := m.ModelConfig
	gap := time.Duration(c.MaxGap).Seconds()
	began := 0 // the first row after the last gap
	var all []int
	for t := range n {
		if t > 0 && gap > 0 && times != nil && times[t]-times[t-1] > gap {
			began = t
		}
		if t-began >= c.Lookback {
			all = append(all, t)
		}
	}
	cut := len(all) - holdoutSize(len(all), *c.ValidationSplit)
	return all[:cut], all[cut:]
}
