package mlcore

import (
	"math"
	"sync"

	"retrain"
	"retrain/mlcore/prep"
)

// A drift counts what a version is asked, by the same parts of each feature's range in which its training was counted.
type drift struct {
	features []prep.Feature
	mu       sync.Mutex // guards the following two fields
	rows     int
	counts   [][]int // [features][parts]; of a category, one more for levels that training did not see
}

// After so many rows older ones count half: what is asked now is what matters.
const driftWindow = 10_000

func newDrift(p *prep.Preparation) *drift {
	d := &drift{features: p.Features, counts: make([][]int, len(p.Features))}
	for i := range p.Features {
		d.counts[i] = make([]int, len(p.Features[i].Counts)+1)
	}
	return d
}

// add counts encoded rows, [n, width].
func (d *drift) add(x []float32, width int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; len(x) >= width && width > 0; x = x[width:] {
		d.rows++
		at := 0
		for i := range d.features {
			f := &d.features[i]
			w := f.Width()
			if parts := len(f.Counts); parts > 0 {
				d.counts[i][part(f.Form, x[at:at+w], parts)]++
			}
			at += w
		}
		if d.rows >= driftWindow {
			d.halve()
		}
	}
}

func (d *drift) halve() {
	d.rows /= 2
	for _, counts := range d.counts {
		for i := range counts {
			counts[i] /= 2
		}
	}
}

// part returns which part of its range an encoded feature lies in; the number of parts for a level that is none.
func part(form prep.Form, x []float32, parts int) int {
	switch form {
	case prep.Category:
		for i, v := range x {
			if v != 0 {
				return i
			}
		}
		return parts
	case prep.Boolean:
		return min(max(int(x[0]), 0), parts-1)
	}
	return int(min(max(x[0]*float32(parts), 0), float32(parts-1)))
}

// Drift implements retrain.Drifter.
func (l *Loaded) Drift() retrain.Drift {
	d := l.drift
	d.mu.Lock()
	defer d.mu.Unlock()
	found := retrain.Drift{Rows: d.rows, PSI: make(map[string]float64, len(d.features))}
	for i := range d.features {
		if f := &d.features[i]; len(f.Counts) > 1 {
			found.PSI[f.Name] = stability(f.Counts, d.counts[i])
		}
	}
	return found
}

// stability returns the population stability index of two counts of the same parts; now may have one part more. Half a row is added
// to each part, so that an empty one does not make it infinite.
func stability(then, now []int) float64 {
	p, q := shares(append(append([]int(nil), then...), make([]int, len(now)-len(then))...)), shares(now)
	sum := 0.0
	for i := range p {
		sum += (q[i] - p[i]) * math.Log(q[i]/p[i])
	}
	return sum
}

func shares(counts []int) []float64 {
	total := 0.0
	for _, n := range counts {
		total += float64(n) + 0.5
	}
	s := make([]float64, len(counts))
	for i, n := range counts {
		s[i] = (float64(n) + 0.5) / total
	}
	return s
}
