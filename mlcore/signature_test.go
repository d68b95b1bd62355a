package mlcore_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
	binary := price()
	binary.Type, binary.Target = retrain.Classification, retrain.Names{"expensive"}
	sizes := price()
	sizes.Type, sizes.Target = retrain.Classification, retrain.Names{"size"}
	sizes.ModelConfig.ClassWeights = map[string]float64{"S": 2}
	digits := price()
	digits.Type, digits.Target, digits.Features = retrain.NeuralNetwork, retrain.Names{"demand"}, []string{"cost", "price", "category"}
	digits.ModelConfig.Loss = "categoricalCrossentropy"
	two := price()
	two.Type, two.Target, two.Features = retrain.NeuralNetwork, retrain.Names{"price", "cost"}, []string{"demand", "category", "expensive"}
	two.ModelConfig.Layers = []retrain.Layer{{Units: 8, BatchNormalization: true, Dropout: 0.1}, {Units: 4, Activation: "tanh"}}
	series := price()
	series.Type, series.Features = retrain.TimeSeries, []string{"cost", "category"}
	series.ModelConfig.Lookback, series.ModelConfig.LSTMUnits, series.ModelConfig.DenseUnits = 5, 6, 4
	kinds := map[string]retrain.Model{"linear": price(), "dated": dated, "polynomial": bent, "binary": binary, "sizes": sizes, "digits": digits,
		"two targets": two, "series": series}
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
			job.Dir = savedModelDir(t, name)
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
			if m.Type == retrain.TimeSeries {
				inputs = windowed(inputs, m.ModelConfig.Lookback)
			}
			got := serve(t, v.Dir, inputs)
			for i := range want {
				if !same(t, got, i, want[i]) {
					t.Errorf("record %d: got %v, want %v", i, got, want[i])
				}
			}
			expect(t, v.Dir, inputs, got)
		})
	}
}

// gappy are records of which each is without another feature.
func gappy() []retrain.Record {
	records := products(5)
	for i, field := range []string{"cost", "category", "createdAt", "expensive", "id"} { // the last one has all features
		delete(records[i], field)
	}
	return records
}

// Where missing values are filled in, NaN and the empty string say in serving_default, and absence says in examples, what a
// missing field says to Predict.
func TestMissingValuesAnswerLikePredict(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	for _, rule := range []string{"mean", "zero"} {
		t.Run(rule, func(t *testing.T) {
			m := kinds()["dated"]
			m.OnMissing = rule
			job := retrain.Job{Model: m, Data: tables(slices.Concat(gappy(), products(60)[5:])), Dir: savedModelDir(t, "missing "+rule)}
			v := train(t, e, job)
			s, err := mlcore.Load(v.Version)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			want, err := s.Predict(t.Context(), gappy())
			if err != nil {
				t.Fatal(err)
			}
			raw := rawInputs(t, v, products(5))
			none := float32(math.NaN())
			raw["cost"].([]float32)[0], raw["category"].([]string)[1] = none, ""
			raw["createdAt"].([]float64)[2], raw["expensive"].([]float32)[3] = math.NaN(), none
			got := serve(t, v.Dir, raw)
			examples, err := ask(t, v.Dir, "regress", map[string]any{"inputs": examplesOf(raw, 5)})
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !same(t, got, i, want[i]) {
					t.Errorf("record %d: got %v, want %v", i, got, want[i])
				}
				if y := examples["outputs"].([][]float32)[i][0]; y != got["prediction"].([]float32)[i] {
					t.Errorf("record %d as an example: got %v, want %v", i, y, got["prediction"])
				}
			}
			expect(t, v.Dir, raw, got)
		})
	}
}

// savedModelDir returns the folder of a version that Python is to check; "" where nobody asked for that.
func savedModelDir(t *testing.T, name string) string {
	t.Helper()
	if *savedModels == "" {
		return ""
	}
	dir := filepath.Join(*savedModels, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// expect writes down what Python should find, if anybody asked for that. NaN, which JSON does not know, is null.
func expect(t *testing.T, dir string, inputs, outputs map[string]any) {
	t.Helper()
	if *savedModels == "" {
		return
	}
	for name, v := range inputs {
		inputs[name] = orNull(reflect.ValueOf(v))
	}
	b, err := json.Marshal(map[string]any{"inputs": inputs, "outputs": outputs})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "expected.json"), b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func orNull(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Slice:
		all := make([]any, v.Len())
		for i := range all {
			all[i] = orNull(v.Index(i))
		}
		return all
	case v.CanFloat() && math.IsNaN(v.Float()):
		return nil
	}
	return v.Interface()
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
	answers, err := ask(t, dir, "serving_default", inputs)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.ValueOf(answers["prediction"]).Len() == 0 {
		t.Fatal("no prediction")
	}
	return answers
}

// ask runs any signature. The error is that of the run.
func ask(t *testing.T, dir, name string, inputs map[string]any) (map[string]any, error) {
	t.Helper()
	m, err := tf.LoadSavedModel(dir, []string{"serve"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Session.Close()
	signature := m.Signatures[name]
	if got, want := len(signature.Inputs), len(inputs); got != want {
		t.Fatalf("got %d inputs, want %d", got, want)
	}
	at := func(name string) tf.Output {
		operation, index, _ := strings.Cut(name, ":")
		i, _ := strconv.Atoi(index)
		return m.Graph.Operation(operation).Output(i)
	}
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
			return nil, err
		}
		answers[name] = y[0].Value()
	}
	return answers, nil
}

// windowed turns columns [records] into windows [windows][lookback].
func windowed(inputs map[string]any, lookback int) map[string]any {
	windows := make(map[string]any)
	for name, column := range inputs {
		v := reflect.ValueOf(column)
		all := reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, v.Len())
		for end := lookback; end <= v.Len(); end++ {
			all = reflect.Append(all, v.Slice(end-lookback, end))
		}
		windows[name] = all.Interface()
	}
	return windows
}

// same compares row i of the signature's outputs with a prediction.
func same(t *testing.T, outputs map[string]any, i int, want retrain.Prediction) bool {
	t.Helper()
	near := func(got float32, want float64) bool { return math.Abs(float64(got)-want) <= 1e-5*(1+math.Abs(want)) }
	if probabilities, ok := outputs["probabilities"].([][]float32); ok {
		sum := 0.0
		for _, p := range probabilities[i] {
			sum += float64(p)
		}
		got := reflect.ValueOf(outputs["prediction"]).Index(i).Interface()
		if f, ok := got.(float32); ok {
			got = float64(f)
		}
		return got == want.Prediction && near(slices.Max(probabilities[i]), *want.Confidence) && math.Abs(sum-1) < 1e-5
	}
	switch got := outputs["prediction"].(type) {
	case []float32:
		return near(got[i], want.Prediction.(float64))
	case [][]float32:
		w := want.Prediction.([]float64)
		return near(got[i][0], w[0]) && near(got[i][1], w[1])
	}
	return false
}
