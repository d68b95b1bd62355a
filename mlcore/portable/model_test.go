package portable_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/portable"
	"retrain/mlcore/prep"
)

// linear is a small model: price = 0.5·cost + 0.25·kind + 0.125.
func linear() *portable.Model {
	m := retrain.Model{Name: "price", Type: retrain.Regression, Resource: "products", Features: []string{"cost", "kind"}, Target: retrain.Names{"price"}}
	return &portable.Model{Format: portable.Format, FormatVersion: portable.FormatVersion, Type: m.Type, Spec: m.WithDefaults(),
		Preparation: &prep.Preparation{Format: 1, OnMissing: "skip", Targets: []prep.Target{{Name: "price", Max: 10}},
			Features: []prep.Feature{{Name: "cost", Form: prep.Numeric, Max: 100, Counts: []int{1}}, {Name: "kind", Form: prep.Category, Levels: []string{"a", "b"}, Counts: []int{1, 2}}}},
		Architecture: []byte(`{}`), Stats: []byte(`{"samples":40,"metrics":{"r2":0.9}}`), Lineage: portable.Lineage{From: "retrain", Model: "price", Version: 3},
		Weights: []portable.Tensor{portable.NewTensor("dense/kernel", []int{3, 1}, []float32{0.5, 0.25, 0.25}), portable.NewTensor("dense/bias", []int{1}, []float32{0.125})}}
}

func written(t testing.TB, m *portable.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	file := written(t, linear())
	m, err := portable.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, m); !bytes.Equal(got, file) {
		t.Errorf("got %s, want %s", got, file)
	}
	w, err := m.WeightsFor([]portable.Shape{{Name: "dense/kernel", Shape: []int{3, 1}}, {Name: "dense/bias", Shape: []int{1}}})
	if want := [][]float32{{0.5, 0.25, 0.25}, {0.125}}; err != nil || !reflect.DeepEqual(w, want) {
		t.Errorf("got %v, %v, want %v", w, err, want)
	}
	f, err := m.Fit()
	if err != nil || f.Samples != 40 || f.Metrics["r2"] != 0.9 || string(f.Details) != "{}" || len(f.Preparation) == 0 {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestReadRefuses(t *testing.T) {
	nan := portable.NewTensor("dense/bias", []int{1}, []float32{float32(math.NaN())})
	for _, test := range []struct {
		words  string
		change func(m *portable.Model)
	}{
		{`format is "other"`, func(m *portable.Model) { m.Format = "other" }},
		{"format version 2", func(m *portable.Model) { m.FormatVersion = 2 }},
		{`type is "timeseries"`, func(m *portable.Model) { m.Type = retrain.TimeSeries }},
		{"preparation is missing", func(m *portable.Model) { m.Preparation = nil }},
		{"units", func(m *portable.Model) { m.Spec.ModelConfig.Units = 1 << 40 }},
		{"no weights", func(m *portable.Model) { m.Weights = nil }},
		{"stands twice", func(m *portable.Model) { m.Weights = append(m.Weights, m.Weights[0]) }},
		{"is NaN", func(m *portable.Model) { m.Weights[1] = nan }},
		{"impossible shape", func(m *portable.Model) { m.Weights[0].Shape = []int{1 << 62, 4} }},
		{"impossible shape", func(m *portable.Model) { m.Weights[0].Shape = []int{1 << 20, 1 << 20} }},
		{"impossible shape", func(m *portable.Model) { m.Weights[0].Shape = []int{-3, -1} }},
		{"impossible shape", func(m *portable.Model) { m.Weights[0].Shape = []int{0} }},
		{"dimensions", func(m *portable.Model) { m.Weights[0].Shape = make([]int, 99) }},
		{"16 characters of data, not 8", func(m *portable.Model) { m.Weights[0].Shape = []int{1} }},
		{"illegal base64", func(m *portable.Model) { m.Weights[0].Data = "????" + m.Weights[0].Data[4:] }},
		{"illegal base64", func(m *portable.Model) { m.Weights[1].Data = "AAAAAB==" }},
		{"characters of data", func(m *portable.Model) { m.Weights[0].Data = m.Weights[0].Data[4:] }},
		{"format is 0", func(m *portable.Model) { m.Preparation.Format = 0 }},
		{"the features are", func(m *portable.Model) { m.Preparation.Features = m.Preparation.Features[:1] }},
		{"unknown form", func(m *portable.Model) { m.Preparation.Features[0].Form = "x" }},
		{"not sorted", func(m *portable.Model) { m.Preparation.Features[1].Levels = []string{"b", "a"} }},
		{"2 levels and 3 counts", func(m *portable.Model) { m.Preparation.Features[1].Counts = []int{1, 2, 3} }},
		{"reaches from", func(m *portable.Model) { m.Preparation.Features[0].Min = 200 }},
		{"a number of cost", func(m *portable.Model) { m.Preparation.Features[0].Max = 1e300 }},
		{"0 targets", func(m *portable.Model) { m.Preparation.Targets = nil }},
		{"has classes", func(m *portable.Model) { m.Preparation.Targets[0].Classes = []string{"a"} }},
		{"terms[0]", func(m *portable.Model) { m.Preparation.Terms = [][]int{{0, 99}} }},
		{"terms[1]", func(m *portable.Model) { m.Preparation.Terms = [][]int{{0, 0}, {}} }},
		{"lookback is 5", func(m *portable.Model) { m.Preparation.Lookback = 5 }},
		{"onMissing", func(m *portable.Model) { m.Preparation.OnMissing = "x" }},
		{"map is not", func(m *portable.Model) { m.Preparation.Map = map[string]string{"cost": "1"} }},
		{"map", func(m *portable.Model) { m.Spec.Map = map[string]string{"cost": "os.Exit(1)"} }},
	} {
		m := linear()
		test.change(m)
		_, err := portable.Read(written(t, m))
		if !errors.Is(err, retrain.DataValidationError) && !errors.Is(err, retrain.ModelConfigError) || !strings.Contains(fmt.Sprint(err), test.words) {
			t.Errorf("got %v, want … %s", err, test.words)
		}
	}
}

func TestReadRefusesWhatIsCutOff(t *testing.T) {
	file := bytes.TrimSpace(written(t, linear()))
	for n := range file {
		if _, err := portable.Read(file[:n]); !errors.Is(err, retrain.DataValidationError) {
			t.Fatalf("%d bytes of %d: got %v", n, len(file), err)
		}
	}
	for _, more := range []string{"{}", "x", "\x00"} {
		if _, err := portable.Read(append(bytes.Clone(file), more...)); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("and %q: got %v", more, err)
		}
	}
	deep := bytes.Repeat([]byte("["), 1_000_000)
	if _, err := portable.ReadAny(deep); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("a million brackets: got %v", err)
	}
}

func TestOfAFolderThatIsNone(t *testing.T) {
	if _, err := portable.Open(filepath.Join(t.TempDir(), "nothing")); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"format":1,"files":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := portable.Open(dir); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "lists no saved_model.pb") {
		t.Errorf("got %v", err)
	}
}

// Whatever is read can be encoded with and written again.
func FuzzReadAny(f *testing.F) {
	f.Add(written(f, linear()))
	names, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := portable.ReadAny(file)
		if err != nil {
			if !errors.Is(err, retrain.MLError) {
				t.Fatalf("not an error of ours: %v", err)
			}
			return
		}
		e, err := m.Preparation.Encoder()
		if err != nil {
			t.Fatal(err)
		}
		r := make(retrain.Record)
		for _, feature := range e.Features {
			r[feature.Name] = 1.0
		}
		_ = e.Encode([]retrain.Record{r, {}}, make([]float32, 2*e.Width())) // may refuse them, but not panic
		if _, err := m.Fit(); err != nil && !errors.Is(err, retrain.MLError) {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := m.Write(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := portable.Read(again.Bytes()); err != nil {
			t.Fatalf("written again: %v", err)
		}
	})
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{18, 4, 18, 2, 10, 0})
	f.Fuzz(func(_ *testing.T, graph []byte) {
		_, _ = portable.Operations(graph) // no panic
	})
}

func FuzzManifest(f *testing.F) {
	b, err := json.Marshal(retrain.Manifest{Format: 1, Files: map[string]retrain.File{"saved_model.pb": {}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, manifest []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := portable.Open(dir); !errors.Is(err, retrain.MLError) {
			t.Errorf("got %v", err)
		}
	})
}
