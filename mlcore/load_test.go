package mlcore_test

import (
	"encoding/json"
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

// A version that is too slow, that answers otherwise than when it was made, or whose weights are damaged does not come to serve.
func TestLoadRefusesWhatDoesNotAnswerAsItShould(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	v := train(t, e, retrain.Job{Model: kinds()["linear"], Data: tables(products(30))})
	var details mlcore.Details
	if err := json.Unmarshal(v.Manifest.Fit.Details, &details); err != nil {
		t.Fatal(err)
	}
	if len(details.Examples) == 0 {
		t.Fatal("the version has no examples")
	}
	wrong := *v.Manifest
	details.Examples[0].Prediction.Prediction = 1e6
	var err error
	if wrong.Fit.Details, err = json.Marshal(details); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		loader  mlcore.Loader
		version retrain.Version
		says    string
	}{
		"too slow":      {mlcore.Loader{Slowest: 1}, v.Version, "a prediction takes"},
		"other answers": {mlcore.Loader{Aside: true}, retrain.Version{Dir: v.Dir, Manifest: &wrong}, "to its own example"},
		"damaged":       {mlcore.Loader{}, retrain.Version{Dir: damaged(t, v.Dir), Manifest: v.Manifest}, "Checksum does not match"},
	} {
		s, err := test.loader.Load(test.version)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, %v, want %q", name, s, err, test.says)
		}
	}
}

// damaged returns a copy of a SavedModel with other weights.
func damaged(t *testing.T, dir string) string {
	t.Helper()
	other := t.TempDir()
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	shards, err := filepath.Glob(filepath.Join(other, "variables", "variables.data-*"))
	if err != nil || len(shards) != 1 {
		t.Fatalf("got %v, %v", shards, err)
	}
	b, err := os.ReadFile(shards[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0xff
	}
	if err := os.WriteFile(shards[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	return other
}
