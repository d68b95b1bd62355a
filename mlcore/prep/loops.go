package prep

import (
	"errors"

	"github.com/expr-lang/expr/vm"
)

// How often the innermost loop of an expression may go round for one record, at most: about a second.
const mostRounds = 10_000_000

var errTooManyRounds = errors.New("its loops, one within the other, would go round more than 10,000,000 times: shorten the lists, or nest fewer")

// loopsOf returns how many loops of a program lie one within the other, at most, and how many elements the longest list has that
// the expression itself makes.
func loopsOf(code *vm.Program) (deep, longest int) {
	depth := 0
	for _, op := range code.Bytecode {
		switch op {
		case vm.OpBegin:
			depth++
			deep = max(deep, depth)
		case vm.OpEnd:
			depth--
		case vm.OpRange: // whose ends may be fields
			longest = maxMemory
		}
	}
	for _, c := range code.Constants {
		longest = max(longest, longestIn(c))
	}
	return deep, longest
}

// tooLong reports whether the loops of p would go round too often over values. The memory budget does not see loops that keep
// nothing.
func (p *program) tooLong(values map[string]any) bool {
	if p.loops < 2 {
		return false
	}
	n := p.longest
	for _, v := range values {
		n = max(n, longestIn(v))
	}
	rounds := 1
	for range p.loops {
		if rounds *= n; rounds > mostRounds {
			return true
		}
	}
	return false
}

// longestIn returns the length of the longest list in a value of JSON.
func longestIn(v any) (n int) {
	switch v := v.(type) {
	case []int: // a range that the compiler made
		return len(v)
	case []any:
		n = len(v)
		for _, e := range v {
			n = max(n, longestIn(e))
		}
	case map[string]any:
		n = len(v)
		for _, e := range v {
			n = max(n, longestIn(e))
		}
	}
	return n
}
