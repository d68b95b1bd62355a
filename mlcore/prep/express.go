package prep

import (
	"fmt"
	"slices"
)

// A Share is a column of the network's input, -1 for the constant 1, and how much of it counts.
type Share struct {
	Column int
	Factor float64
}

// Express returns what each column of an older preparation of the same features is in terms of p's own: a sum of shares. So a
// network that learnt from the older columns can be made one of these that answers the same. Numbers whose range has changed
// are stretched and moved, polynomial terms of them expanded; levels are found again by their names. What p does not know any
// more, a level that no record has, is the empty sum; what is new has no share in anything.
func (p *Preparation) Express(old *Preparation) [][]Share {
	columns := make(map[string]int, p.Width()) // of p, by the product that they are
	for i := range p.base() {
		columns[product([]int{i})] = i
	}
	for i, t := range p.Terms {
		columns[product(t)] = p.base() + i
	}
	var sums [][]monomial // of old's columns
	at := 0
	for i := range old.Features {
		sums = append(sums, p.expressFeature(&old.Features[i], at, i)...)
		at += p.Features[i].Width()
	}
	for _, t := range old.Terms {
		sum := []monomial{{nil, 1}}
		for _, c := range t {
			sum = times(sum, sums[c])
		}
		sums = append(sums, sum)
	}
	shares := make([][]Share, len(sums))
	for i, sum := range sums {
		for _, m := range sum {
			if len(m.columns) == 0 {
				shares[i] = append(shares[i], Share{-1, m.factor})
			} else if c, ok := columns[product(m.columns)]; ok {
				shares[i] = append(shares[i], Share{c, m.factor})
			}
		}
	}
	return shares
}

// expressFeature returns what the columns of the i-th feature, as it was, are now that its first column is at.
func (p *Preparation) expressFeature(old *Feature, at, i int) [][]monomial {
	sums := make([][]monomial, old.Width())
	now := &p.Features[i]
	switch {
	case now.Form != old.Form: // nothing that was learnt of it holds
	case old.Form == Category:
		for k, level := range old.Levels {
			if j, ok := slices.BinarySearch(now.Levels, level); ok {
				sums[k] = []monomial{{[]int{at + j}, 1}}
			}
		}
	case old.Form == Boolean:
		sums[0] = []monomial{{[]int{at}, 1}}
	case old.Max > old.Min: // (v - min) / (max - min), where v = now.Min + x·(now.Max - now.Min)
		width := old.Max - old.Min
		sums[0] = []monomial{{nil, (now.Min - old.Min) / width}, {[]int{at}, (now.Max - now.Min) / width}}
	}
	return sums
}

// A monomial is a product of columns, times a factor.
type monomial struct {
	columns []int
	factor  float64
}

// times multiplies two sums.
func times(a, b []monomial) []monomial {
	var all []monomial
	for _, x := range a {
		for _, y := range b {
			all = append(all, monomial{slices.Concat(x.columns, y.columns), x.factor * y.factor})
		}
	}
	return all
}

// product names a product of columns, in whatever order.
func product(columns []int) string { return fmt.Sprint(slices.Sorted(slices.Values(columns))) }
