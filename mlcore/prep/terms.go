package prep

import "math"

// maxTerms bounds the columns that polynomial terms add: with ten numbers all terms to degree 4 are 990.
const maxTerms = 1000

// polynomial returns the terms of degree 2 to degree of the columns that are numbers: all products, or where these would be
// more than maxTerms the powers of each column only. Columns of 0 and 1 have none: their powers are themselves.
func polynomial(features []Feature, degree int) [][]int {
	var columns []int
	at := 0
	for i := range features {
		if f := &features[i]; f.Form == Numeric || f.Form == Date {
			columns = append(columns, at)
		}
		at += features[i].Width()
	}
	if countTerms(len(columns), degree) > maxTerms {
		return powers(columns, degree)
	}
	return products(columns, degree)
}

// countTerms returns how many products of 2 to degree out of n columns there are: (n+degree over degree) - n - 1.
func countTerms(n, degree int) int {
	all := 1
	for i := 1; i <= degree; i++ {
		if all > 1<<40 {
			break
		}
		all = all * (n + i) / i
	}
	return all - n - 1
}

// products returns the products in the order of their degree: [0 0] [0 1] [1 1] [0 0 0] ...
func products(columns []int, degree int) [][]int {
	var terms [][]int
	last := make([][]int, len(columns)) // of the degree before
	for i, c := range columns {
		last[i] = []int{c}
	}
	for range degree - 1 {
		var next [][]int
		for _, t := range last {
			for _, c := range columns {
				if c >= t[len(t)-1] {
					next = append(next, append(t[:len(t):len(t)], c))
				}
			}
		}
		terms, last = append(terms, next...), next
	}
	return terms
}

func powers(columns []int, degree int) [][]int {
	var terms [][]int
	for d := 2; d <= degree; d++ {
		for _, c := range columns {
			t := make([]int, d)
			for i := range t {
				t[i] = c
			}
			terms = append(terms, t)
		}
	}
	return terms
}

// Multiply computes the terms of an encoded row, [Width()], anew, after columns before them were changed. It returns false
// where a term is larger than float32 can hold.
func (p *Preparation) Multiply(row []float32) bool { return p.multiply(row) }

// multiply fills the columns of the terms; row has all columns of the network's input. It returns false where a term is
// larger than float32 can hold.
func (p *Preparation) multiply(row []float32) bool {
	base := len(row) - len(p.Terms)
	for i, t := range p.Terms {
		product := row[t[0]]
		for _, c := range t[1:] {
			product *= row[c]
		}
		if math.IsInf(float64(product), 0) {
			return false
		}
		row[base+i] = product
	}
	return true
}
