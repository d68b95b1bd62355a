package session

/*
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// An Element is a Go type that a tensor's memory can be seen as.
type Element interface {
	float32 | float64 | int32 | int64 | uint32
}

// A Tensor is an array in TensorFlow's memory. It must not be changed while a Run uses it.
type Tensor struct {
	c       *C.TF_Tensor
	cleanup runtime.Cleanup
}

// New returns a tensor of zeros.
func New[T Element](shape ...int) *Tensor {
	dims, n := dimensions(shape)
	var zero T
	t := C.TF_AllocateTensor(typeOf[T](), dims, C.int(len(shape)), C.size_t(n)*C.size_t(unsafe.Sizeof(zero)))
	tensor := own(t)
	clear(View[T](tensor))
	return tensor
}

// Of returns a tensor that holds a copy of values.
func Of[T Element](values []T, shape ...int) *Tensor {
	t := New[T](shape...)
	copy(View[T](t), values)
	return t
}

// Scalar returns a tensor of no dimensions.
func Scalar[T Element](v T) *Tensor { return Of([]T{v}) }

// View returns the tensor's memory. It may be used as long as the tensor is.
func View[T Element](t *Tensor) []T {
	n := int(C.TF_TensorElementCount(t.c))
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(C.TF_TensorData(t.c)), n)
}

// Floats returns a copy of a float32 tensor's elements.
func (t *Tensor) Floats() []float32 {
	defer runtime.KeepAlive(t)
	return append([]float32(nil), View[float32](t)...)
}

// Free gives the memory back now, and not when the garbage collector finds the tensor. It must not be used any more.
func (t *Tensor) Free() {
	t.cleanup.Stop()
	C.TF_DeleteTensor(t.c)
	t.c = nil
}

// own makes c live as long as the tensor that is returned.
func own(c *C.TF_Tensor) *Tensor {
	t := &Tensor{c: c}
	t.cleanup = runtime.AddCleanup(t, func(c *C.TF_Tensor) { C.TF_DeleteTensor(c) }, c)
	return t
}

func typeOf[T Element]() C.TF_DataType {
	var zero T
	switch any(zero).(type) {
	case float64:
		return C.TF_DOUBLE
	case int32:
		return C.TF_INT32
	case int64:
		return C.TF_INT64
	case uint32:
		return C.TF_UINT32
	}
	return C.TF_FLOAT
}

// dimensions returns shape as C wants it, and the number of elements.
func dimensions(shape []int) (*C.int64_t, int) {
	n := 1
	dims := make([]C.int64_t, len(shape)+1)
	for i, d := range shape {
		dims[i] = C.int64_t(d)
		n *= d
	}
	return &dims[0], n
}
