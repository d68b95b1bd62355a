package mlcore_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain"
	"retrain/mlcore"
	"retrain/mlcore/prep"
)

var savedModels = flag.String("savedmodels", "", "write the SavedModels of the tests into this `folder`, for internal/testenv/check_savedmodel.py")

// kinds are models of every type, small enough to train in a moment.
func kinds() map[string]retrain.Model {
	dated := price()
	dated.Features = []string{"cost", "createdAt", "expensive", "category"}
	bent := price()
	bent.ModelConfig.Polynomial, bent.ModelConfig.Units = 3, 8
	kinds := map[string]retrain.Model{"linear": price(), "dated": dated, "polynomial": bent}
	for name, m := range kinds {
		m.ModelConfig.Epochs = 5
		kinds[name] = m
	}
	return kinds
}

// TestRawSignatureAnswersLikePredict feeds records' own values to serving_default and compares with what Go makes of them.
func TestRawSignatureAnswersLikePredict(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			job := retrain.Job{Model: m, Data: tables(products(60))}
			if *savedModels != "" {
				job.Dir = filepath.Join(*savedModels, name)
				if err := os.MkdirAll(job.Dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			v := train(t, e, job)
			records := products(70)[60:]
			s, err := mlcore.Load(v.Version)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			want, err := s.Predict(t.Context(), records)
			if err != nil {
				t.Fatal(err)
			}
			inputs := rawInputs(t, v, records)
			got := serve(t, v.Dir, inputs)
			values, _ := got["prediction"].([]float32)
			for i := range want {
				if w := want[i].Prediction.(float64); math.Abs(float64(values[i])-w) > 1e-5*math.Abs(w) {
					t.Errorf("record %d: got %v, want %v", i, values[i], w)
				}
			}
			if *savedModels != "" {
				b, err := json.Marshal(map[string]any{"inputs": inputs, "outputs": got})
				if err == nil {
					err = os.WriteFile(filepath.Join(v.Dir, "expected.json"), b, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// rawInputs returns the values of serving_default's inputs.
func rawInputs(t *testing.T, v trained, records []retrain.Record) map[string]any {
	t.Helper()
	p := new(prep.Preparation)
	if err := json.Unmarshal(v.Preparation, p); err != nil {
		t.Fatal(err)
	}
	e, err := p.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := e.Raw(records)
	if err != nil {
		t.Fatal(err)
	}
	inputs := make(map[string]any)
	for _, r := range raw {
		switch r.Form {
		case prep.Category:
			inputs[r.Name] = r.Texts
		case prep.Date:
			inputs[r.Name] = r.Numbers
		default:
			x := make([]float32, len(r.Numbers))
			for i, n := range r.Numbers {
				x[i] = float32(n)
			}
			inputs[r.Name] = x
		}
	}
	return inputs
}

// serve runs serving_default with the binding's own loader.
func serve(t *testing.T, dir string, inputs map[string]any) map[string]any {
	t.Helper()
	m, err := tf.LoadSavedModel(dir, []string{"serve"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Session.Close()
	signature := m.Signatures["serving_default"]
	if got, want := len(signature.Inputs), len(inputs); got != want {
		t.Fatalf("got %d inputs, want %d", got, want)
	}
	at := func(name string) tf.Output { return m.Graph.Operation(name[:len(name)-2]).Output(0) }
	feeds := make(map[tf.Output]*tf.Tensor)
	for name, v := range inputs {
		x, err := tf.NewTensor(v)
		if err != nil {
			t.Fatal(err)
		}
		feeds[at(signature.Inputs[name].Name)] = x
	}
	answers := make(map[string]any)
	for name, o := range signature.Outputs {
		y, err := m.Session.Run(feeds, []tf.Output{at(o.Name)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers[name] = y[0].Value()
	}
	if reflect.ValueOf(answers["prediction"]).Len() == 0 {
		t.Fatal("no prediction")
	}
	return answers
}
