package mlcore

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/session"
)

// weightsOf returns the weights of a version, for a network with these parameters. A ModelConfigError says where the two
// differ.
func weightsOf(v retrain.Version, parameters []nn.Parameter) ([][]float32, error) {
	if err := sameShapes(v, parameters); err != nil {
		return nil, err
	}
	s, mg, err := session.Load(v.Dir, session.Here())
	if err != nil {
		return nil, fmt.Errorf("continue from version %d: %w", v.Manifest.Version, err)
	}
	defer s.Close()
	reads, err := readsOf(mg)
	if err != nil {
		return nil, err
	}
	var outputs []string
	for _, p := range parameters {
		outputs = append(outputs, reads[p.Name])
	}
	call, err := s.Call(nil, outputs)
	if err != nil {
		return nil, err
	}
	tensors, err := call.Run()
	if err != nil {
		return nil, err
	}
	weights := make([][]float32, len(tensors))
	for i, t := range tensors {
		weights[i] = t.Floats()
	}
	return weights, nil
}

func sameShapes(v retrain.Version, parameters []nn.Parameter) error {
	d, err := ReadDetails(&v.Manifest.Fit)
	if err != nil {
		return err
	}
	there := make(map[string][]int)
	for _, l := range d.Layers {
		for name, shape := range l.Shapes {
			there[l.Name+"/"+name] = shape
		}
	}
	differs := func(format string, args ...any) error {
		return retrain.Errorf(retrain.ModelConfigError, "cannot continue from version %d: %s", v.Manifest.Version, fmt.Sprintf(format, args...)).
			WithHint("train from new weights: --reset-weights")
	}
	for _, p := range parameters {
		if shape, ok := there[p.Name]; !ok {
			return differs("it has no %s", p.Name)
		} else if !slices.Equal(shape, p.Shape) {
			return differs("%s is %v there and %v now", p.Name, shape, p.Shape)
		}
		delete(there, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		return differs("%s is no more", name)
	}
	return nil
}

// readsOf returns the outputs that read a SavedModel's variables, by the variables' names.
func readsOf(mg *meta.MetaGraphDef) (map[string]string, error) {
	reads := make(map[string]string)
	for _, b := range mg.GetCollectionDef()["variables"].GetBytesList().GetValue() {
		var v variable_go_proto.VariableDef
		if err := proto.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("variables: %w", err)
		}
		reads[strings.TrimSuffix(v.VariableName, "/VarHandleOp:0")] = v.SnapshotName
	}
	return reads, nil
}
