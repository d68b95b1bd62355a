package httpapi

// Finite is finite, for the tests.
var Finite = finite

// RecordsOf is recordsOf, for the tests.
var RecordsOf = recordsOf

// ChangesIn is changesIn, for the tests.
func ChangesIn(message []byte) (n int, err error) {
	all, err := changesIn(message)
	return len(all), err
}
