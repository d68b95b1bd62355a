package httpapi

// Finite is finite, for the tests.
var Finite = finite
