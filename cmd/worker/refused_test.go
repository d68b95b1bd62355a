package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	core "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore"
	"retrain/s3io"
)

// A champion that is broken, gives numbers that are none, or is too slow never answers: the version before goes on, and the worker
// says why in its status, its metrics and an event.
func TestRefusedOverHTTP(t *testing.T) {
	w := newWorld(t)
	f := w.fitted()
	for range 3 {
		w.publish(f)
	}
	const shard = "variables/variables.data-00000-of-00001"
	if _, err := w.app.Bucket.Put(t.Context(), "models/price/versions/2/"+shard, []byte("other bytes"), s3io.Always); err != nil { // after its digest was taken
		t.Fatal(err)
	}
	f.write(t, shard, bytes.Repeat([]byte{0xff}, len(f.read(t, shard)))) // before
	w.publish(f)
	f = w.fitted()
	f.rooted(t)
	w.publish(f)
	url := w.predictor()
	w.promote(1)
	w.eventually(answersWith(url, 1))
	for version, why := range map[int]string{2: shard, 4: "Checksum does not match", 5: "is not a number"} {
		w.promote(version)
		w.eventually(refuses(url, version, why))
		if err := answersWith(url, 1)(); err != nil {
			t.Errorf("version %d is refused: %v", version, err)
		}
		w.eventually(func() error { return w.told(version, why) })
		if info := fmt.Sprintf(`retrain_model_refused_info{model="price",version="%d"} 1`, version); !strings.Contains(metrics(t, url), info) {
			t.Errorf("the metrics lack %s", info)
		}
	}
	if err := status(url+"/readyz", http.StatusOK); err != nil {
		t.Error(err)
	}
	w.promote(3) // a good one ends it
	w.eventually(answersWith(url, 3))

	w.impatient()
	hurried := w.predictor()
	w.eventually(refuses(hurried, 3, "a prediction takes"))
	if err := status(hurried+"/readyz", http.StatusServiceUnavailable); err != nil {
		t.Error(err)
	}
}

// Questions that lie elsewhere than what was learnt have drifted, which the worker's metrics say by feature.
func TestDriftOverHTTP(t *testing.T) {
	w := newWorld(t)
	w.publish(w.fitted())
	url := w.predictor()
	w.promote(1)
	w.eventually(answersWith(url, 1))
	var psi [2]float64
	for i, far := range []int{0, 1000} { // as it was learnt, and elsewhere
		var costs []string
		for n := range 960 {
			costs = append(costs, fmt.Sprintf(`{"cost":%d}`, n%64+far))
		}
		r, err := http.Post(url+"/v1/models/price:predict", "application/json", strings.NewReader(`{"instances":[`+strings.Join(costs, ",")+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Fatal(r.Status)
		}
		_, value, _ := strings.Cut(metrics(t, url), `retrain_feature_drift_psi{feature="cost",model="price"} `)
		value, _, _ = strings.Cut(value, "\n")
		if psi[i], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatal(err)
		}
	}
	if psi[0] > 0.1 || psi[1] < 0.25 {
		t.Errorf("got a drift of %v where questions are as was learnt, and %v where half of them lie elsewhere; want less than 0.1, and more than 0.25", psi[0], psi[1])
	}
}

// A fitted is what a training has made, before it is published.
type fitted struct {
	dir      string
	manifest retrain.Manifest
}

// fitted trains a version.
func (w *world) fitted() *fitted {
	w.Helper()
	records := make([]retrain.Record, 64)
	for i := range records {
		records[i] = retrain.Record{"id": strconv.Itoa(i), "cost": float64(i), "price": 3 * float64(i)}
	}
	engine := new(mlcore.Engine)
	defer engine.Close()
	m := retrain.Model{Name: "price", Type: retrain.NeuralNetwork, Resource: "products", Features: []string{"cost"}, Target: retrain.Names{"price"},
		ModelConfig: retrain.ModelConfig{Epochs: 1, Layers: []retrain.Layer{{Units: 16}}}}.WithDefaults()
	f := &fitted{dir: w.TempDir()}
	fit, err := engine.Fit(w.Context(), retrain.Job{Model: m, Dir: f.dir, Data: table(records)})
	if err != nil {
		w.Fatal(err)
	}
	f.manifest = retrain.Manifest{Format: 1, Model: m.Name, Spec: m, Fit: fit}
	return f
}

func (f *fitted) read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (f *fitted) write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, file), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rooted makes the network take roots, of which negative numbers have none, where it took what is positive.
func (f *fitted) rooted(t *testing.T) {
	t.Helper()
	const file = "saved_model.pb"
	saved := new(core.SavedModel)
	if err := proto.Unmarshal(f.read(t, file), saved); err != nil {
		t.Fatal(err)
	}
	roots := 0
	for _, graph := range saved.GetMetaGraphs() {
		nodes := graph.GetGraphDef().GetNode()
		for _, function := range graph.GetGraphDef().GetLibrary().GetFunction() {
			nodes = append(nodes, function.GetNodeDef()...)
		}
		for _, node := range nodes {
			if node.GetOp() == "Relu" {
				node.Op = "Rsqrt"
				roots++
			}
		}
	}
	b, err := proto.Marshal(saved)
	if err != nil || roots == 0 {
		t.Fatalf("%d roots, %v", roots, err)
	}
	f.write(t, file, b)
}

// publish publishes f as the next version.
func (w *world) publish(f *fitted) {
	w.Helper()
	w.published++
	f.manifest.Version = w.published
	if _, err := w.app.Registry.Publish(w.Context(), f.manifest, os.DirFS(f.dir)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) promote(version int) {
	w.Helper()
	if err := promote(w.Context(), w.app, version); err != nil {
		w.Fatal(err)
	}
}

// impatient has the workers that start from now on refuse every version for its slowness.
func (w *world) impatient() {
	w.Helper()
	text, err := os.ReadFile(w.client)
	if err == nil {
		err = os.WriteFile(w.client, append(text, "\npredict: {slowest: 1ns}\n"...), 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
}

// refuses returns an error unless the worker says in its status that it refuses a version, and why.
func refuses(url string, version int, why string) func() error {
	return func() error {
		r, err := http.Get(url + "/v1/models/price")
		if err != nil {
			return err
		}
		defer r.Body.Close()
		var answer struct {
			Versions []struct {
				Version, State string
				Status         struct {
					Message string `json:"error_message"`
				}
			} `json:"model_version_status"`
		}
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			return err
		}
		for _, v := range answer.Versions {
			if v.Version == strconv.Itoa(version) && v.State == "END" && strings.Contains(v.Status.Message, why) {
				return nil
			}
		}
		return fmt.Errorf("the status is %+v, want version %d refused since %q", answer, version, why)
	}
}

// told returns an error unless an event says that a version is refused, and why.
func (w *world) told(version int, why string) error {
	const most = 50
	events, err := w.app.Stream.Recent(w.Context(), most)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Type == retrain.Quarantined && e.Version == version && e.Error != nil && strings.Contains(e.Error.Message, why) {
			return nil
		}
	}
	return fmt.Errorf("no event says that version %d is refused since %q: %v", version, why, events)
}

func metrics(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
