package portable

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// operations are those that the graph of a version may have. None of them touches a file, a network or a process, but for the
// two by which TensorFlow restores and saves the variables.
var operations = set(`AddV2 ArgMax AssignVariableOp BiasAdd BlockLSTMV2 BroadcastTo Cast ConcatV2 Const Elu Equal ExpandDims Fill GatherV2 Identity
	IsNan MatMul Mul NoOp PadV2 ParseExampleV2 Placeholder PlaceholderWithDefault ReadVariableOp RealDiv Relu Reshape RestoreV2 Rsqrt SaveV2 SelectV2 Selu Shape Sigmoid
	Slice Softmax Split Sub Tanh Transpose Unpack VarHandleOp ZerosLike`)

func set(words string) map[string]bool {
	s := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		s[word] = true
	}
	return s
}

// The numbers of protocol buffer fields on the way from a SavedModel to the names of its operations.
const (
	savedModelMetaGraphs = 2
	metaGraphGraph       = 2
	graphNodes           = 1
	graphLibrary         = 2
	libraryFunctions     = 1
	functionNodes        = 3
	nodeOperation        = 2
)

// Operations returns the names of all operations of a SavedModel, those of its functions too, sorted. A DataValidationError
// says that it is none.
func Operations(savedModel []byte) ([]string, error) {
	found := make(map[string]bool)
	var err error
	under := func(messages [][]byte, field protowire.Number) (members [][]byte) {
		for _, m := range messages {
			if err == nil {
				var more [][]byte
				more, err = fields(m, field)
				members = append(members, more...)
			}
		}
		return members
	}
	graphs := under(under([][]byte{savedModel}, savedModelMetaGraphs), metaGraphGraph)
	functions := under(under(graphs, graphLibrary), libraryFunctions)
	nodes := append(under(graphs, graphNodes), under(functions, functionNodes)...)
	for _, name := range under(nodes, nodeOperation) {
		found[string(name)] = true
	}
	if err == nil && len(found) == 0 {
		err = invalid("%s has no graph", graphFile)
	}
	return slices.Sorted(maps.Keys(found)), err
}

// fields returns the members of a message with a number, which are texts or messages.
func fields(message []byte, number protowire.Number) (members [][]byte, err error) {
	for len(message) > 0 {
		n, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return nil, invalid("%s: %w", graphFile, protowire.ParseError(length))
		}
		message = message[length:]
		if length = protowire.ConsumeFieldValue(n, kind, message); length < 0 {
			return nil, invalid("%s: %w", graphFile, protowire.ParseError(length))
		}
		if n == number && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			members = append(members, value)
		}
		message = message[length:]
	}
	return members, nil
}

// CheckGraph returns a DataValidationError where a SavedModel has an operation that ours have not: such a graph can read
// files, or worse.
func CheckGraph(savedModel []byte) error {
	found, err := Operations(savedModel)
	if err != nil {
		return err
	}
	for _, name := range found {
		if !operations[name] {
			return invalid("the graph has the operation %s, which we never write", name).WithHint("only SavedModels that producer export wrote can be imported")
		}
	}
	return nil
}
