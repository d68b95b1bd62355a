// Package conformance asks trained models, in the words and with the clients of other projects, and in every way that there is, and
// compares the answers.
package conformance
