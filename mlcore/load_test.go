package mlcore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore"
)

// Who may write to the bucket can forge a version with its digests. TensorFlow is not given a graph that reads files.
func TestLoadRefusesAnothersGraph(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	v := train(t, e, retrain.Job{Model: kinds()["linear"], Data: tables(products(30))})
	path := filepath.Join(v.Dir, "saved_model.pb")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saved := new(meta.SavedModel)
	if err := proto.Unmarshal(b, saved); err != nil {
		t.Fatal(err)
	}
	graph := saved.GetMetaGraphs()[0].GetGraphDef()
	graph.Node = append(graph.Node, &node_def_go_proto.NodeDef{Name: "spy", Op: "ReadFile", Input: []string{"saver/filename"}})
	if b, err = proto.Marshal(saved); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mlcore.Load(v.Version); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "operation ReadFile, which we never write") {
		t.Errorf("got %v", err)
	}
}
