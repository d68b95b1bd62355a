// Package session runs TensorFlow graphs through the C API: flat tensors whose memory Go reads and writes directly, calls
// prepared once, and the one conversion that the Go binding lacks, from a graph to a function. All cgo of mlcore is here.
package session
