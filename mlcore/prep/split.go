package prep

import (
	"cmp"
	"fmt"
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

// split divides rows by chance: in the order of a hash of the seed and each record's id, the first ones are held out. So a
// record keeps its side, but for a few at the border, while the data grows: a champion is judged on rows that it did not learn
// either. Where ids are missing or equal, rows follow in their order. The learnt rows and the others are in the order of rows.
func split(ids []uint64, rows []int32, seed uint64, share float64) (learnt, holdout []int32) {
	hashes := make([]uint64, len(rows))
	for i, row := range rows {
		hashes[i] = mix(seed ^ mix(uint64(i)))
		if id := ids[row]; id != 0 {
			hashes[i] = mix(seed ^ mix(id))
		}
	}
	n := holdoutSize(len(rows), share)
	if n == 0 {
		return rows, nil
	}
	sorted := slices.Sorted(slices.Values(hashes))
	border := sorted[n-1]
	first, _ := slices.BinarySearch(sorted, border)
	ties := n - first // rows of the border's hash that are held out
	for i, hash := range hashes {
		switch {
		case hash < border:
			holdout = append(holdout, rows[i])
		case hash == border && ties > 0:
			holdout = append(holdout, rows[i])
			ties--
		default:
			learnt = append(learnt, rows[i])
		}
	}
	return learnt, holdout
}

// hashed returns a number for a record's id, 0 for none.
func hashed(id string) uint64 {
	if id == "" {
		return 0
	}
	return fnv(id)
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
func chronological(g *gathering, rows []int32, orderBy string) ([]float64, error) {
	if orderBy == "" {
		return nil, nil
	}
	times := make([]float64, g.rows)
	place := placesOf(rows, g.rows)
	err := g.look(place, len(rows), look{field: g.index[orderBy], add: func(v cell, row int) error {
		t, ok := v.asNumber()
		if date, isDate := v.date(); isDate && v.kind == retrain.Text {
			t, ok = seconds(date), true
		}
		if !ok || math.IsNaN(t) {
			return fmt.Errorf("orderBy %s: %s is neither a date nor a number", orderBy, v)
		}
		times[row] = t
		return nil
	}})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b int32) int { return cmp.Compare(times[a], times[b]) })
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
func windows(n int, times []float64, m *retrain.Model) (train, holdout []int32) {
	c := m.ModelConfig
	gap := time.Duration(c.MaxGap).Seconds()
	began := 0 // the first row after the last gap
	var all []int32
	for t := range n {
		if t > 0 && gap > 0 && times != nil && times[t]-times[t-1] > gap {
			began = t
		}
		if t-began >= c.Lookback {
			all = append(all, int32(t))
		}
	}
	cut := len(all) - holdoutSize(len(all), *c.ValidationSplit)
	return all[:cut], all[cut:]
}
