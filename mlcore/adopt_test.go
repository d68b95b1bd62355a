package mlcore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"retrain"
	"retrain/mlcore"
	"retrain/mlcore/portable"
)

// exported returns a version as a file.
func exported(t *testing.T, v trained) []byte {
	t.Helper()
	v.Manifest.Spec = v.Manifest.Spec.WithDefaults()
	m, err := portable.Of(v.Version)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func answersOf(t *testing.T, v retrain.Version, records []retrain.Record) []retrain.Prediction {
	t.Helper()
	s, err := mlcore.Load(v)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Predict(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExportedAndImportedIsTheSame(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	models := kinds()
	filled := models["dated"]
	filled.OnMissing = "mean"
	models["missing values"] = filled
	long, layers := models["series"], models["two targets"]
	long.ModelConfig.Lookback, long.ModelConfig.Epochs, long.ModelConfig.RecurrentDropout = 170, 1, new(0.0)
	layers.ModelConfig.Layers = []retrain.Layer{{Units: 3, Activation: "elu"}, {Units: 3, Activation: "selu"}, {Units: 2, Activation: "sigmoid"}}
	models["long series"], models["layers"] = long, layers
	for name, m := range models {
		t.Run(name, func(t *testing.T) {
			v := train(t, e, retrain.Job{Model: m, Data: tables(products(60 + 2*m.ModelConfig.Lookback))})
			file := exported(t, v)
			copied := v.Manifest.Spec
			copied.Name = "copy"
			w := train(t, e, retrain.Job{Model: copied, Import: file})
			for _, file := range []string{"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"} {
				if !bytes.Equal(read(t, w.Dir, file), read(t, v.Dir, file)) {
					t.Errorf("%s is not the same", file)
				}
			}
			records := products(70 + m.ModelConfig.Lookback)[60:]
			if got, want := answersOf(t, w.Version, records), answersOf(t, v.Version, records); !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if got, want := w.Fit, v.Fit; !reflect.DeepEqual(got.Metrics, want.Metrics) || got.Samples != want.Samples || got.Parameters != want.Parameters ||
				!bytes.Equal(got.Details, want.Details) || !bytes.Equal(got.Preparation, want.Preparation) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if again := exported(t, w); !bytes.Equal(weightsOf(t, again), weightsOf(t, file)) {
				t.Error("the copy's export has other weights")
			}
			if err := portable.CheckGraph(read(t, v.Dir, "saved_model.pb")); err != nil {
				t.Error(err)
			}
		})
	}
}

func weightsOf(t *testing.T, file []byte) []byte {
	t.Helper()
	var m struct{ Weights json.RawMessage }
	if err := json.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	return m.Weights
}

// A file that anybody could have written is refused, and whatever it says nothing is published: Fit returns an error.
func TestImportRefuses(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	v := train(t, e, retrain.Job{Model: kinds()["two targets"], Data: tables(products(60))})
	file := exported(t, v)
	for name, change := range map[string]func(m *portable.Model){
		"a weight less": func(m *portable.Model) { m.Weights = m.Weights[1:] },
		"a weight more": func(m *portable.Model) {
			m.Weights = append(m.Weights, portable.NewTensor("more", []int{1}, []float32{1}))
		},
		"another shape": func(m *portable.Model) {
			m.Weights[0] = portable.NewTensor(m.Weights[0].Name, []int{1, 1}, []float32{1})
		},
		"other weights than its examples": func(m *portable.Model) {
			n, _ := m.Weights[0].Numbers()
			for i := range n {
				n[i] += 1
			}
			m.Weights[0] = portable.NewTensor(m.Weights[0].Name, m.Weights[0].Shape, n)
		},
		"temperature":  func(m *portable.Model) { m.Architecture = []byte(`{"temperature":-1}`) },
		"architecture": func(m *portable.Model) { m.Architecture = []byte(`[]`) },
		"example not a record": func(m *portable.Model) {
			m.Architecture = []byte(`{"examples":[{"records":[{"cost":"x"}],"prediction":{}}]}`)
		},
		"example without one": func(m *portable.Model) { m.Architecture = []byte(`{"examples":[{"records":[],"prediction":{}}]}`) },
		"features":            func(m *portable.Model) { m.Preparation.Features = nil },
		"targets":             func(m *portable.Model) { m.Preparation.Targets = nil },
	} {
		t.Run(name, func(t *testing.T) {
			m, err := portable.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			change(m)
			var changed bytes.Buffer
			if err := m.Write(&changed); err != nil {
				t.Fatal(err)
			}
			_, err = tryTrain(t, e, retrain.Job{Model: v.Manifest.Spec, Import: changed.Bytes()})
			if !errors.Is(err, retrain.MLError) {
				t.Errorf("got %v, want an MLError", err)
			}
		})
	}
}
