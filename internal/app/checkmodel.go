package app

import (
	"fmt"
	"maps"
	"slices"

	"retrain"
)

var (
	kinds         = []string{string(retrain.Regression), string(retrain.Classification), string(retrain.TimeSeries), string(retrain.NeuralNetwork)}
	activations   = []string{"relu", "sigmoid", "tanh", "elu", "selu", "linear"}
	lossFunctions = []string{"meanSquaredError", "meanAbsoluteError", "huber", "binaryCrossentropy", "categoricalCrossentropy"}
)

// model notes what no training could make sense of.
func (f *faults) model(path string, m *retrain.Model) {
	f.oneOf(path+".type", string(m.Type), kinds...)
	if m.Type == "" {
		f.note(path, "type is missing: regression, classification, timeseries or neural-network")
	}
	if m.Resource == "" {
		f.note(path, "resource is missing: where its records are")
	}
	if len(m.Features) == 0 && m.Type != retrain.TimeSeries {
		f.note(path, "features are missing: the fields that it learns from")
	}
	if len(m.Target) == 0 || slices.Contains(m.Target, "") {
		f.note(path, "target is missing: the field that it learns to tell")
	}
	f.fields(path, m)
	f.oneOf(path+".device", m.Device, "auto", "cpu", "gpu")
	f.oneOf(path+".priority", m.Priority, "critical", "default", "low")
	f.oneOf(path+".onMissing", m.OnMissing, "skip", "mean", "zero", "error")
	f.oneOf(path+".promote.rule", m.Promote.Rule, "always", "improve", "manual")
	f.triggers(path, m)
	f.settings(path+".modelConfig", m)
	if m.Type != "" && m.Resource != "" {
		f.add(path, nil)
	}
}

// fields notes features that stand there twice, or are the answer already.
func (f *faults) fields(path string, m *retrain.Model) {
	seen := make(map[string]bool)
	for _, name := range m.Features {
		switch {
		case name == "":
			f.note(path+".features", "a feature without a name")
		case seen[name]:
			f.note(path+".features", "%q stands there twice", name)
		case slices.Contains(m.Target, name) && m.Type != retrain.TimeSeries:
			f.note(path+".features", "%q is the target, it cannot be a feature", name)
		}
		seen[name] = true
	}
}

func (f *faults) triggers(path string, m *retrain.Model) {
	for key, n := range map[string]int{"trainAfterInserts": m.TrainAfterInserts, "minTrainingSamples": m.MinTrainingSamples, "keep": m.Keep} {
		if n < 0 {
			f.note(path+"."+key, "%d is negative", n)
		}
	}
	if m.TrainInterval < 0 {
		f.note(path+".trainInterval", "it is negative")
	}
	if m.AutoTrain && m.TrainAfterInserts == 0 && m.TrainInterval == 0 {
		f.note(path+".autoTrain", "needs trainAfterInserts, trainInterval or both")
	}
}

// settings notes numbers and words that no fit understands.
func (f *faults) settings(path string, m *retrain.Model) {
	c := &m.ModelConfig
	for key, n := range map[string]int{"epochs": c.Epochs, "batchSize": c.BatchSize, "units": c.Units, "lookback": c.Lookback,
		"lstmUnits": c.LSTMUnits, "denseUnits": c.DenseUnits, "outputUnits": c.OutputUnits} {
		between(f, path+"."+key, n, 1, 10_000_000)
	}
	between(f, path+".polynomial", c.Polynomial, 1, 5)
	between(f, path+".momentum", c.Momentum, 0, 1)
	if c.LearningRate < 0 {
		f.note(path+".learningRate", "%v is negative", c.LearningRate)
	}
	for key, v := range map[string]*float64{"validationSplit": c.ValidationSplit, "dropout": c.Dropout, "recurrentDropout": c.RecurrentDropout} {
		if v != nil && (*v < 0 || *v >= 1) {
			f.note(path+"."+key, "%v is not from 0 to below 1", *v)
		}
	}
	f.oneOf(path+".optimizer", c.Optimizer, "adam", "sgd", "rmsprop")
	f.oneOf(path+".solver", c.Solver, "gradient", "exact")
	f.oneOf(path+".activation", c.Activation, activations...)
	f.oneOf(path+".outputActivation", c.OutputActivation, append(slices.Clone(activations), "softmax")...)
	f.oneOf(path+".loss", c.Loss, lossFunctions...)
	for i, layer := range c.Layers {
		at := fmt.Sprintf("%s.layers.%d", path, i)
		if layer.Units < 1 {
			f.note(at, "units are missing")
		}
		f.oneOf(at+".activation", layer.Activation, activations...)
		if layer.Dropout < 0 || layer.Dropout >= 1 {
			f.note(at+".dropout", "%v is not from 0 to below 1", layer.Dropout)
		}
	}
	if e := c.EarlyStopping; e != nil {
		f.oneOf(path+".earlyStopping.monitor", e.Monitor, "valLoss", "loss")
		between(f, path+".earlyStopping.patience", e.Patience, 1, 10_000_000)
	}
	f.weights(path+".classWeights", c.ClassWeights)
}

func (f *faults) weights(path string, weights map[string]float64) {
	for _, class := range slices.Sorted(maps.Keys(weights)) {
		if weights[class] <= 0 {
			f.note(path+"."+class, "a weight must be above 0")
		}
	}
}
