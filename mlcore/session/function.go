package session

/*
#include <stdlib.h>
#include "tensorflow/c/c_api.h"

// to_function imports a GraphDef and makes one function of it. Inputs and outputs are operations, each by its first output.
static TF_Function* to_function(const void* def, size_t size, const char* name, int nin, char** in, int nout, char** out, char** names, TF_Status* status) {
	TF_Graph* graph = TF_NewGraph();
	TF_ImportGraphDefOptions* options = TF_NewImportGraphDefOptions();
	TF_Buffer* buffer = TF_NewBufferFromString(def, size);
	TF_GraphImportGraphDef(graph, buffer, options, status);
	TF_DeleteBuffer(buffer);
	TF_DeleteImportGraphDefOptions(options);
	TF_Function* function = NULL;
	if (TF_GetCode(status) == TF_OK) {
		TF_Output* ends = calloc(nin + nout + 1, sizeof(TF_Output));
		for (int i = 0; i < nin; i++) ends[i].oper = TF_GraphOperationByName(graph, in[i]);
		for (int i = 0; i < nout; i++) ends[nin + i].oper = TF_GraphOperationByName(graph, out[i]);
		function = TF_GraphToFunction(graph, name, 0, -1, 0, nin, ends, nout, ends + nin, (const char* const*)names, 0, 0, status);
		free(ends);
	}
	TF_DeleteGraph(graph);
	return function;
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/function_go_proto"
	"google.golang.org/protobuf/proto"
)

// ToFunction makes a function of a marshalled GraphDef. Inputs are the names of its placeholders and outputs those of the
// operations whose first output the function returns, under the results' names.
func ToFunction(graphDef []byte, name string, inputs, outputs, results []string) (*function_go_proto.FunctionDef, error) {
	st := newStatus()
	defer st.free()
	in, out, names := newStrings(inputs), newStrings(outputs), newStrings(results)
	defer in.free()
	defer out.free()
	defer names.free()
	cname := C.CString(name)
	defer C.free(unsafe.Pointer(cname))
	f := C.to_function(unsafe.Pointer(&graphDef[0]), C.size_t(len(graphDef)), cname, C.int(len(inputs)), in.p, C.int(len(outputs)), out.p, names.p, st.c)
	if err := st.err(); err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	defer C.TF_DeleteFunction(f)
	buffer := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buffer)
	C.TF_FunctionToFunctionDef(f, buffer, st.c)
	if err := st.err(); err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	def := new(function_go_proto.FunctionDef)
	return def, proto.Unmarshal(C.GoBytes(buffer.data, C.int(buffer.length)), def)
}

// A cStrings is an array of strings in C's memory.
type cStrings struct {
	p **C.char
	n int
}

func newStrings(values []string) cStrings {
	s := cStrings{(**C.char)(C.calloc(C.size_t(len(values)+1), C.size_t(unsafe.Sizeof(uintptr(0))))), len(values)}
	for i, v := range values {
		unsafe.Slice(s.p, s.n)[i] = C.CString(v)
	}
	return s
}

func (s cStrings) free() {
	for _, p := range unsafe.Slice(s.p, s.n) {
		C.free(unsafe.Pointer(p))
	}
	C.free(unsafe.Pointer(s.p))
}
