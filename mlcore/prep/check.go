package prep

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"retrain"
)

// What settings may be.
var (
	kinds             = []string{"regression", "classification", "timeseries", "neural-network"}
	activations       = []string{"relu", "sigmoid", "tanh", "elu", "selu", "linear"}
	outputActivations = append(slices.Clone(activations), "softmax")
	losses            = []string{"meanSquaredError", "meanAbsoluteError", "huber", "binaryCrossentropy", "categoricalCrossentropy"}
	optimizers        = []string{"adam", "sgd", "rmsprop"}
	metrics           = []string{"mse", "mae", "rmse", "r2", "mape", "accuracy", "precision", "recall", "f1", "auc",
		"meanSquaredError", "meanAbsoluteError"}
	modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	labelName = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)
)

// Check reports what is wrong with a model: one ModelConfigError that names the model, the key, the value and what is
// allowed, for the first thing found. Settings left out are not wrong; they have defaults.
func Check(m *retrain.Model) error {
	d := m.WithDefaults()
	c := &checker{model: &d}
	c.identity()
	c.columns()
	c.schedule()
	c.fit()
	c.network()
	if c.err != nil {
		return c.err
	}
	_, err := newSelection(&d)
	return err
}

// A checker keeps the first thing that is wrong.
type checker struct {
	model *retrain.Model
	err   error
}

// wrong notes that key's value is not what is allowed.
func (c *checker) wrong(key string, value any, allowed string) {
	if c.err == nil {
		c.err = wrong(c.model, key, "%s is not %s", shown(value), allowed)
	}
}

func shown(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case float64:
		return numberText(v)
	}
	return fmt.Sprint(v)
}

func (c *checker) oneOf(key, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		c.wrong(key, value, "one of "+strings.Join(allowed, ", "))
	}
}

func (c *checker) between(key string, n, low, high int) {
	if n < low || n > high {
		c.wrong(key, n, fmt.Sprintf("between %d and %d", low, high))
	}
}

func (c *checker) atLeastOne(key string, n int) {
	if n < 1 {
		c.wrong(key, n, "1 or more")
	}
}

func (c *checker) fraction(key string, f float64) {
	if !(f >= 0 && f < 1) {
		c.wrong(key, f, "from 0 to below 1")
	}
}

func (c *checker) notNegative(key string, n float64) {
	if !(n >= 0) || math.IsInf(n, 0) {
		c.wrong(key, n, "0 or more")
	}
}

func (c *checker) identity() {
	m := c.model
	if !modelName.MatchString(m.Name) {
		c.wrong("name", m.Name, "made of letters, digits, '.', '_' and '-', at most 100")
	}
	c.oneOf("type", string(m.Type), kinds)
	if m.Resource == "" {
		c.wrong("resource", m.Resource, "the name of a resource")
	}
	if p := m.Partition; p != nil && p.Name == "" {
		c.wrong("partition.name", p.Name, "the name of a partition")
	} else if p != nil && len(p.Values) == 0 {
		c.wrong("partition.values", p.Values, "the values of the partition's fields")
	}
	c.oneOf("onMissing", m.OnMissing, []string{"skip", "mean", "zero", "error"})
	c.oneOf("device", m.Device, []string{"auto", "cpu", "gpu"})
	c.oneOf("priority", m.Priority, []string{"critical", "default", "low"})
	c.oneOf("promote.rule", m.Promote.Rule, []string{"always", "improve", "manual"})
	c.notNegative("promote.margin", m.Promote.Margin)
}

func (c *checker) columns() {
	m := c.model
	if len(m.Features) == 0 && m.Type != retrain.TimeSeries { // whose target's own past is an input in any case
		c.wrong("features", m.Features, "a list of at least one field")
	}
	c.distinct("features", m.Features)
	if len(m.Target) == 0 {
		c.wrong("target", []string(m.Target), "the field to predict")
	}
	c.distinct("target", m.Target)
	for _, t := range m.Target {
		if m.Type != retrain.TimeSeries && slices.Contains(m.Features, t) {
			c.wrong("features", t, "something that is known before the target: it is the target")
		}
	}
	if len(m.Target) > 1 && m.Type != retrain.NeuralNetwork {
		c.wrong("target", []string(m.Target), "a single field; several are for neural-network")
	}
	for field := range m.Map {
		if field == "" || field == "id" {
			c.wrong("map", field, "the name of a field that an expression may make")
		}
	}
}

func (c *checker) distinct(key string, names []string) {
	seen := map[string]bool{}
	for _, name := range names {
		if name == "" {
			c.wrong(key, name, "the name of a field")
		} else if seen[name] {
			c.wrong(key, name, "named once only")
		}
		seen[name] = true
	}
}

func (c *checker) schedule() {
	m := c.model
	c.notNegative("trainAfterInserts", float64(m.TrainAfterInserts))
	c.notNegative("trainInterval", float64(m.TrainInterval))
	c.notNegative("retrainOnDrift", m.RetrainOnDrift)
	if m.AutoTrain && m.TrainAfterInserts == 0 && m.TrainInterval == 0 && m.RetrainOnDrift == 0 {
		c.wrong("autoTrain", true, "possible without trainAfterInserts or trainInterval")
	}
	c.atLeastOne("minTrainingSamples", m.MinTrainingSamples)
	c.atLeastOne("keep", m.Keep)
	for _, label := range slices.Sorted(maps.Keys(m.Labels)) {
		if !labelName.MatchString(label) || label == retrain.LabelChampion || label == retrain.LabelPrevious {
			c.wrong("labels."+label, label, "a label: letters, digits and _, and neither champion nor previous, which every model has")
		}
		c.atLeastOne("labels."+label, m.Labels[label])
	}
}

func (c *checker) fit() {
	f := &c.model.ModelConfig
	const key = "modelConfig."
	c.between(key+"epochs", f.Epochs, 1, 1_000_000)
	c.between(key+"batchSize", f.BatchSize, 1, 1_000_000)
	if !(f.LearningRate > 0 && f.LearningRate <= 10) {
		c.wrong(key+"learningRate", f.LearningRate, "above 0 and at most 10")
	}
	c.fraction(key+"validationSplit", *f.ValidationSplit)
	c.oneOf(key+"optimizer", f.Optimizer, optimizers)
	c.fraction(key+"momentum", f.Momentum)
	c.oneOf(key+"solver", f.Solver, []string{"gradient", "exact"})
	c.stopping(f)
	for class, w := range f.ClassWeights {
		c.notNegative(key+"classWeights."+class, w)
	}
	if len(f.ClassWeights) > 0 && !Classes(c.model) {
		c.wrong(key+"classWeights", f.ClassWeights, "possible for a model without classes")
	}
	if f.Solver == "exact" && c.model.Type != retrain.Regression && (c.model.Type != retrain.NeuralNetwork || len(f.Layers) > 0) {
		c.wrong(key+"solver", f.Solver, "possible with hidden layers; use gradient")
	}
}

func (c *checker) stopping(f *retrain.ModelConfig) {
	s := f.EarlyStopping
	if s == nil {
		return
	}
	const key = "modelConfig.earlyStopping."
	c.between(key+"patience", s.Patience, 1, 1_000_000)
	c.notNegative(key+"minDelta", s.MinDelta)
	switch s.Monitor {
	case "loss":
	case "", "valLoss", "val_loss":
		if *f.ValidationSplit == 0 {
			c.wrong(key+"monitor", "valLoss", "measured where validationSplit is 0; monitor loss")
		}
	default:
		c.wrong(key+"monitor", s.Monitor, "one of valLoss, loss")
	}
}

func (c *checker) network() {
	f := &c.model.ModelConfig
	const key = "modelConfig."
	c.between(key+"units", f.Units, 1, 65_536)
	c.oneOf(key+"activation", f.Activation, activations)
	switch c.model.Type {
	case retrain.Regression:
		c.between(key+"polynomial", f.Polynomial, 1, 5)
		c.oneOf(key+"loss", f.Loss, losses[:3])
	case retrain.Classification:
		c.fraction(key+"dropout", *f.Dropout)
	case retrain.TimeSeries:
		c.series(f)
	case retrain.NeuralNetwork:
		c.layers(f)
	}
}

func (c *checker) series(f *retrain.ModelConfig) {
	const key = "modelConfig."
	c.between(key+"lookback", f.Lookback, 1, 10_000)
	c.between(key+"lstmUnits", f.LSTMUnits, 1, 65_536)
	c.between(key+"denseUnits", f.DenseUnits, 1, 65_536)
	c.fraction(key+"dropout", *f.Dropout)
	c.fraction(key+"recurrentDropout", *f.RecurrentDropout)
	c.notNegative(key+"maxGap", float64(f.MaxGap))
	c.oneOf(key+"loss", f.Loss, losses[:3])
}

func (c *checker) layers(f *retrain.ModelConfig) {
	const key = "modelConfig."
	c.between(key+"layers", len(f.Layers), 0, 100)
	for i, l := range f.Layers {
		k := fmt.Sprintf("%slayers[%d].", key, i)
		c.between(k+"units", l.Units, 1, 65_536)
		c.oneOf(k+"activation", l.Activation, activations)
		c.fraction(k+"dropout", l.Dropout)
	}
	c.oneOf(key+"outputActivation", f.OutputActivation, outputActivations)
	c.oneOf(key+"loss", f.Loss, losses)
	for i, name := range f.Metrics {
		c.oneOf(fmt.Sprintf("%smetrics[%d]", key, i), name, metrics)
	}
	c.between(key+"outputUnits", f.OutputUnits, 0, 65_536)
	if n := len(c.model.Target); f.OutputUnits != 0 && f.OutputUnits != n && !Classes(c.model) {
		c.wrong(key+"outputUnits", f.OutputUnits, fmt.Sprintf("%d, the number of targets", n))
	}
	if n := len(c.model.Target); n > 1 && f.Loss == "categoricalCrossentropy" {
		c.wrong("target", []string(c.model.Target), "a single field, as categoricalCrossentropy needs it")
	}
	if f.OutputActivation == "softmax" && f.Loss != "categoricalCrossentropy" {
		c.wrong(key+"outputActivation", "softmax", "possible without loss categoricalCrossentropy")
	}
}

// Classes reports whether a model predicts one of several classes, and not numbers: a classification, and a neural network
// with a single target and a cross-entropy.
func Classes(m *retrain.Model) bool {
	if m.Type != retrain.NeuralNetwork {
		return m.Type == retrain.Classification
	}
	return len(m.Target) == 1 && strings.HasSuffix(m.ModelConfig.Loss, "Crossentropy")
}
