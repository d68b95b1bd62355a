package tensorboard_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/graph_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/node_def_go_proto"
	"github.com/tensorflow/tensorflow/tensorflow/go/core/util/event_go_proto"

	"retrain"
	"retrain/internal/tensorboard"
)

// version is a run of three epochs.
func version() *retrain.Manifest {
	return &retrain.Manifest{
		Model: "price", Version: 7, RequestedAt: time.Unix(1767225600, 0),
		Spec: retrain.Model{ModelConfig: retrain.ModelConfig{LearningRate: 0.01}},
		Fit:  retrain.Fit{Epochs: 3, Losses: []float64{3, 2, 1}, ValLosses: []float64{4, 3, 2.5}, Metrics: map[string]float64{"r2": 0.75, "mae": 2}},
	}
}

// savedModel returns a SavedModel whose graph has one node.
func savedModel(t *testing.T) []byte {
	t.Helper()
	graph, err := proto.Marshal(&graph_go_proto.GraphDef{Node: []*node_def_go_proto.NodeDef{{Name: "x", Op: "Placeholder"}}})
	if err != nil {
		t.Fatal(err)
	}
	bytesOf := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	meta := append(bytesOf(1, []byte("about it")), bytesOf(2, graph)...)
	return append(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1), bytesOf(2, meta)...)
}

// events reads an event file back, by TensorFlow's own messages.
func events(t *testing.T, dir string) []*event_go_proto.Event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", dir, files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var list []*event_go_proto.Event
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		e := new(event_go_proto.Event)
		if err := proto.Unmarshal(b[12:12+n], e); err != nil {
			t.Fatal(err)
		}
		list, b = append(list, e), b[12+n+4:]
	}
	return list
}

func TestEventsAreThoseOfTheManifest(t *testing.T) {
	dir := t.TempDir()
	if err := tensorboard.Write(dir, version(), savedModel(t)); err != nil {
		t.Fatal(err)
	}
	train := events(t, filepath.Join(dir, "price-7", "train"))
	if train[0].GetFileVersion() != "brain.Event:2" || train[0].GetWallTime() != 1767225600 {
		t.Errorf("got %v", train[0])
	}
	graph := new(graph_go_proto.GraphDef)
	if err := proto.Unmarshal(train[1].GetGraphDef(), graph); err != nil || graph.GetNode()[0].GetName() != "x" {
		t.Errorf("graph: got %v, %v", graph, err)
	}
	var got []float32
	for _, e := range events(t, filepath.Join(dir, "price-7", "validation"))[1:] {
		got = append(got, float32(e.GetStep()), e.GetSummary().GetValue()[0].GetSimpleValue())
	}
	want := []float32{0, 4, 1, 3, 2, 2.5, 2, 2, 2, 0.75}
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// The framing and its checksums are TensorBoard's own.
func TestTheFirstRecordIsAsTensorBoardWritesIt(t *testing.T) {
	dir := t.TempDir()
	if err := tensorboard.Write(dir, &retrain.Manifest{Model: "m", Version: 1, RequestedAt: time.Unix(1, 0)}, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "m-1", "train", "events.out.tfevents.0000000001.retrain"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.TrimSpace(golden))
	if err != nil || !bytes.Equal(b, want) {
		t.Errorf("got %x, want %x, %v", b, want, err)
	}
}

// golden was written by TensorBoard's RecordWriter: the event wall_time: 1, file_version: "brain.Event:2".
const golden = "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a"

// Whoever has TensorBoard lets it read.
func TestTensorBoardReadsThem(t *testing.T) {
	python := os.Getenv("TENSORBOARD_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import tensorboard").Run(); err != nil {
		t.Skip("no Python with tensorboard; TENSORBOARD_PYTHON names one")
	}
	dir := t.TempDir()
	if err := tensorboard.Write(dir, version(), savedModel(t)); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	check := exec.CommandContext(t.Context(), python, "testdata/check.py", dir)
	check.Stderr = &said
	got, err := check.Output()
	if err != nil {
		t.Fatal(err, said.String())
	}
	want := `{"price-7/train": {"nodes": 1, "scalars": {"epoch_loss": [[0, 3.0], [1, 2.0], [2, 1.0]], "learning_rate": [[0, 0.01], [1, 0.01], [2, 0.01]]}}, ` +
		`"price-7/validation": {"nodes": 0, "scalars": {"epoch_loss": [[0, 4.0], [1, 3.0], [2, 2.5]], "holdout/mae": [[2, 2.0]], "holdout/r2": [[2, 0.75]]}}}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
