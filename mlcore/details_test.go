package mlcore_test

import (
	"strconv"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// The parameters are those that Keras counts for the same layers.
func TestArchitectureIsComplete(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	models := kinds()
	for name, want := range map[string]struct {
		layers string
		total  int
	}{
		"linear":      {"dense:linear:5", 5},                                                                       // 4 columns, 1 bias
		"sizes":       {"dense:relu:320 dropout::0 dense_1:softmax:195", 515},                                      // 4·64+64, 64·3+3
		"series":      {"lstm:tanh:264 dense:relu:28 dense_1:linear:5", 297},                                       // 4·6·4 + 6·6·4 + 6·4, of 3 columns and the target
		"two targets": {"dense:relu:40 batch_normalization::32 dropout::0 dense_1:tanh:36 dense_2:linear:10", 118}, // 4 columns
	} {
		m := models[name]
		v := train(t, e, retrain.Job{Model: m, Data: tables(products(60))})
		d, err := mlcore.ReadDetails(&v.Fit)
		if err != nil {
			t.Fatal(err)
		}
		var layers []string
		sum := 0
		for _, l := range d.Layers {
			layers = append(layers, l.Name+":"+l.Activation+":"+strconv.Itoa(l.Parameters))
			sum += l.Parameters
		}
		got := strings.Join(layers, " ")
		if got != want.layers || d.TotalParameters != want.total || sum != want.total || v.Parameters != want.total {
			t.Errorf("%s: got %q, %d in all, want %q, %d", name, got, d.TotalParameters, want.layers, want.total)
		}
		weights := 0
		for _, w := range d.Weights {
			n := 1
			for _, s := range w.Shape {
				n *= s
			}
			weights += n
		}
		if weights != want.total {
			t.Errorf("%s: %d weights, want %d", name, weights, want.total)
		}
	}
}
