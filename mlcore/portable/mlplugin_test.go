package portable_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/portable"
)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMLPlugin(t *testing.T) {
	for _, test := range []struct {
		name    string
		kind    retrain.Kind
		weights string
	}{
		{"regression", retrain.Regression, "dense/kernel dense/bias"},
		{"classification", retrain.NeuralNetwork, "dense/kernel dense/bias dense_1/kernel dense_1/bias dense_2/kernel dense_2/bias"},
		{"stored", retrain.NeuralNetwork, "dense/kernel dense/bias batch_normalization/gamma batch_normalization/beta batch_normalization/moving_mean " +
			"batch_normalization/moving_variance dense_1/kernel dense_1/bias"},
		{"timeseries", retrain.TimeSeries, "lstm/kernel lstm/recurrent_kernel lstm/bias dense/kernel dense/bias dense_1/kernel dense_1/bias"},
	} {
		m, err := portable.ReadAny(fixture(t, "mlplugin-"+test.name))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var names []string
		for _, w := range m.Weights {
			names = append(names, w.Name)
		}
		if got := strings.Join(names, " "); m.Type != test.kind || got != test.weights {
			t.Errorf("%s: got a %s with %s", test.name, m.Type, got)
		}
		var again bytes.Buffer
		if err := m.Write(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := portable.Read(again.Bytes()); err != nil {
			t.Errorf("%s, written as a file of ours: %v", test.name, err)
		}
	}
}

func TestMLPluginSaysWhatIsMissing(t *testing.T) {
	change := func(name, from, to string) []byte {
		b := fixture(t, name)
		if !bytes.Contains(b, []byte(from)) {
			t.Fatalf("%s has no %s", name, from)
		}
		return bytes.Replace(b, []byte(from), []byte(to), 1)
	}
	for _, test := range []struct {
		name  string
		file  []byte
		words string
	}{
		{"no weights", fixture(t, "mlplugin-without-weights"), "no weights: dense_Dense1/kernel [2 1], dense_Dense1/bias [1]"},
		{"other gates", fixture(t, "mlplugin-hard-sigmoid"), "recurrent_activation hard_sigmoid"},
		{"some weights", change("mlplugin-timeseries", `lstm_LSTM1/bias`, "other"), "lacks weights: lstm_LSTM1/bias [8]"},
		{"no feature", change("mlplugin-regression", `"demand": {`, `"other": {`), `no feature "demand"`},
		{"no target", change("mlplugin-regression", `"target": {`, `"aim": {`), "no target"},
		{"no classes", change("mlplugin-classification", `"classes": [`, `"names": [`), "no classes"},
		{"three classes", change("mlplugin-classification", `"classes": [`, `"classes": ["eggs", `), "the output of 3 classes"},
		{"not trained", change("mlplugin-regression", `"model": "`, `"nothing": "`), "before the first training"},
		{"not a topology", change("mlplugin-regression", `"model": "{`, `"model": "`), "not a topology"},
		{"unknown layer", change("mlplugin-regression", `\"Dense\"`, `\"Conv2D\"`), "is a Conv2D"},
		{"huge", change("mlplugin-regression", `\"units\": 1`, `\"units\": 4611686018427387904`), "impossible shape"},
		{"negative", change("mlplugin-timeseries", `\"units\": 2`, `\"units\": -2`), "impossible shape"},
		{"an ArrayBuffer", change("mlplugin-regression", `"weightData": "`, `"weightData": {}, "old": "`), "no base64 text"},
		{"wrong base64", change("mlplugin-regression", `"weightData": "`, `"weightData": "?`), "weightData: illegal base64"},
		{"short", change("mlplugin-regression", `AAAAPwAA`, `AAAA`), "weightData"},
		{"half floats", change("mlplugin-regression", `"dtype": "float32"`, `"dtype": "float16"`), "float32 is read"},
		{"NaN", change("mlplugin-timeseries", `-0.5,`, `1e39,`), "JSON"},
	} {
		_, err := portable.ReadAny(test.file)
		if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: got %v, want … %s", test.name, err, test.words)
		}
	}
}
