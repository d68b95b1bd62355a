package httpapi

// Finite is finite, for the tests.
var Finite = finite

// RecordsOf is recordsOf, for the tests.
var RecordsOf = recordsOf
