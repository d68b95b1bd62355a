package prep_test

import (
	"math"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

func TestCheck(t *testing.T) {
	layers := func(m *retrain.Model, l ...retrain.Layer) { m.Type, m.ModelConfig.Layers = retrain.NeuralNetwork, l }
	for _, test := range []struct {
		name   string
		change func(m *retrain.Model)
		want   string // "" for nothing wrong
	}{
		{"as it is", func(m *retrain.Model) {}, ""},
		{"no name", func(m *retrain.Model) { m.Name = "" }, `name: "" is not made of`},
		{"a name that is a path", func(m *retrain.Model) { m.Name = "../x" }, `model "../x": name: "../x" is not`},
		{"unknown type", func(m *retrain.Model) { m.Type = "svm" }, `model "m": type: "svm" is not one of regression, classification, timeseries, neural-network`},
		{"no resource", func(m *retrain.Model) { m.Resource = "" }, `resource: ""`},
		{"no features", func(m *retrain.Model) { m.Features = nil }, `features: [] is not a list of at least one field`},
		{"series without features", func(m *retrain.Model) { m.Type, m.Features = retrain.TimeSeries, nil }, ""},
		{"a feature twice", func(m *retrain.Model) { m.Features = []string{"a", "b", "a"} }, `features: "a" is not named once only`},
		{"no target", func(m *retrain.Model) { m.Target = nil }, `target: [] is not the field to predict`},
		{"target as feature", func(m *retrain.Model) { m.Features = []string{"price"} }, `features: "price" is not`},
		{"a series knows its past", func(m *retrain.Model) { m.Type, m.Features = retrain.TimeSeries, []string{"price"} }, ""},
		{"two targets", func(m *retrain.Model) { m.Target = retrain.Names{"a", "b"} }, `target: [a b] is not a single field`},
		{"two targets of a network", func(m *retrain.Model) { layers(m); m.Target = retrain.Names{"a", "b"} }, ""},
		{"partition without values", func(m *retrain.Model) { m.Partition = &retrain.PartitionRef{Name: "p"} }, `partition.values`},
		{"partition without name", func(m *retrain.Model) { m.Partition = &retrain.PartitionRef{} }, `partition.name`},
		{"polynomial", func(m *retrain.Model) { m.ModelConfig.Polynomial = 6 }, `modelConfig.polynomial: 6 is not between 1 and 5`},
		{"batch size", func(m *retrain.Model) { m.ModelConfig.BatchSize = -1 }, `modelConfig.batchSize: -1`},
		{"epochs", func(m *retrain.Model) { m.ModelConfig.Epochs = -1 }, `modelConfig.epochs: -1`},
		{"learning rate", func(m *retrain.Model) { m.ModelConfig.LearningRate = math.NaN() }, `modelConfig.learningRate: NaN`},
		{"split", func(m *retrain.Model) { one := 1.0; m.ModelConfig.ValidationSplit = &one }, `modelConfig.validationSplit: 1 is not from 0 to below 1`},
		{"optimizer", func(m *retrain.Model) { m.ModelConfig.Optimizer = "lion" }, `modelConfig.optimizer: "lion" is not one of adam, sgd, rmsprop`},
		{"activation", func(m *retrain.Model) { m.ModelConfig.Activation = "gelu" }, `modelConfig.activation: "gelu"`},
		{"softmax inside", func(m *retrain.Model) { layers(m, retrain.Layer{Units: 3, Activation: "softmax"}) }, `modelConfig.layers[0].activation: "softmax"`},
		{"units", func(m *retrain.Model) { layers(m, retrain.Layer{Units: 3}, retrain.Layer{}) }, `modelConfig.layers[1].units: 0`},
		{"dropout", func(m *retrain.Model) { layers(m, retrain.Layer{Units: 3, Dropout: 1}) }, `modelConfig.layers[0].dropout: 1`},
		{"loss", func(m *retrain.Model) { layers(m); m.ModelConfig.Loss = "hinge" }, `modelConfig.loss: "hinge"`},
		{"output units", func(m *retrain.Model) { layers(m); m.ModelConfig.OutputUnits = 2 }, `modelConfig.outputUnits: 2 is not 1, the number of targets`},
		{"lookback", func(m *retrain.Model) { m.Type = retrain.TimeSeries; m.ModelConfig.Lookback = -1 }, `modelConfig.lookback: -1`},
		{"device", func(m *retrain.Model) { m.Device = "tpu" }, `device: "tpu" is not one of auto, cpu, gpu`},
		{"priority", func(m *retrain.Model) { m.Priority = "high" }, `priority: "high"`},
		{"promote", func(m *retrain.Model) { m.Promote.Rule = "never" }, `promote.rule: "never"`},
		{"onMissing", func(m *retrain.Model) { m.OnMissing = "guess" }, `onMissing: "guess"`},
		{"solver", func(m *retrain.Model) { m.ModelConfig.Solver = "qr" }, `modelConfig.solver: "qr"`},
		{"exact with layers", func(m *retrain.Model) { m.Type, m.ModelConfig.Solver = retrain.Classification, "exact" }, `modelConfig.solver: "exact" is not possible with hidden layers`},
		{"when", func(m *retrain.Model) { m.AutoTrain = true }, `autoTrain: true is not possible without`},
		{"patience", func(m *retrain.Model) { m.ModelConfig.EarlyStopping = &retrain.EarlyStopping{} }, `modelConfig.earlyStopping.patience: 0`},
		{"monitor", func(m *retrain.Model) {
			m.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 1}
			m.ModelConfig.ValidationSplit = new(float64)
		}, `modelConfig.earlyStopping.monitor: "valLoss" is not measured where validationSplit is 0`},
		{"class weights", func(m *retrain.Model) { m.ModelConfig.ClassWeights = map[string]float64{"a": 1} }, `modelConfig.classWeights: map[a:1] is not possible`},
		{"map of id", func(m *retrain.Model) { m.Map = map[string]string{"id": "1"} }, `map: "id"`},

		{"filter", func(m *retrain.Model) { m.Filter = "price >" }, `filter: "price >": unexpected token EOF at line 1, column 7`},
		{"filter on line 2", func(m *retrain.Model) { m.Filter = "price > 1 &&\n  )" }, `at line 2, column 3`},
		{"filter of a number", func(m *retrain.Model) { m.Filter = "1 + 2" }, `filter: "1 + 2": it does not give true or false`},
		{"unknown function", func(m *retrain.Model) { m.Filter = "a > 1 && ln(price) > 1" }, `filter: "a > 1 && ln(price) > 1": no function "ln"; there are`},
		{"where it is", func(m *retrain.Model) { m.Filter = "a > 1 && ln(price) > 1" }, `at line 1, column 10`},
		{"the time of day", func(m *retrain.Model) { m.Filter = "now() > createdAt" }, `no function "now"`},
		{"a method", func(m *retrain.Model) { m.Filter = "name.ToUpper() == 1" }, `no function "name.ToUpper"`},
		{"the whole record", func(m *retrain.Model) { m.Filter = "len($env) > 1" }, `$env`},
		{"let", func(m *retrain.Model) { m.Map = map[string]string{"y": "let a = 1; a"} }, `map.y: "let a = 1; a": let is not supported`},
		{"too long", func(m *retrain.Model) { m.Filter = "1" + strings.Repeat("+1", 2000) + " > 0" }, `exceeds maximum allowed nodes`},
		{"a map", func(m *retrain.Model) { m.Map = map[string]string{"y": "log("} }, `model "m": map.y: "log(": unexpected token EOF`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := regression("cost")
			test.change(&m)
			switch err := prep.Check(&m); {
			case test.want != "":
				wantError(t, err, retrain.ModelConfigError, test.want)
			case err != nil:
				t.Error(err)
			}
		})
	}
}
