package portable

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// A plugin is an export of s3db.js' MLPlugin: {type, config, normalizer, stats, isTrained, model}. MLPlugin itself saves the
// topology alone. Weights are taken from where TensorFlow.js keeps them, weightSpecs and weightData (base64), beside the
// topology or beside the model; or from a list weights of {name, shape, values}.
type plugin struct {
	Type   string `json:"type"`
	Config struct {
		Name        string              `json:"name"`
		Resource    string              `json:"resource"`
		Features    []string            `json:"features"`
		Target      retrain.Names       `json:"target"`
		ModelConfig retrain.ModelConfig `json:"modelConfig"`
	} `json:"config"`
	Normalizer struct {
		Features map[string]scale `json:"features"`
		Target   *scale           `json:"target"`
	} `json:"normalizer"`
	Stats struct {
		TrainedAt string   `json:"trainedAt"`
		Samples   int      `json:"samples"`
		Loss      float64  `json:"loss"`
		Accuracy  *float64 `json:"accuracy"`
	} `json:"stats"`
	Classes  []any           `json:"classes"`
	Lookback int             `json:"lookback"`
	Model    json.RawMessage `json:"model"`
	jsWeights
	Weights []struct {
		Name   string    `json:"name"`
		Shape  []int     `json:"shape"`
		Values []float32 `json:"values"`
	} `json:"weights"`
}

type scale struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// jsWeights are weights as TensorFlow.js keeps them: all arrays one after the other.
type jsWeights struct {
	Specs []struct {
		Name         string          `json:"name"`
		Shape        []int           `json:"shape"`
		Type         string          `json:"dtype"`
		Quantization json.RawMessage `json:"quantization"`
	} `json:"weightSpecs"`
	Data json.RawMessage `json:"weightData"`
}

// ReadAny reads a file of ours or an export of MLPlugin.
func ReadAny(file []byte) (*Model, error) {
	var kind struct {
		Format     *json.RawMessage `json:"format"`
		Normalizer *json.RawMessage `json:"normalizer"`
		Data       json.RawMessage  `json:"modelData"` // as MLPlugin stores models
	}
	if err := decode(file, &kind); err != nil {
		return nil, err
	}
	switch {
	case kind.Format == nil && kind.Normalizer != nil:
		return readPlugin(file)
	case kind.Format == nil && len(kind.Data) > 0:
		return readPlugin(kind.Data)
	}
	return Read(file)
}

func readPlugin(file []byte) (*Model, error) {
	p := new(plugin)
	if err := decode(file, p); err != nil {
		return nil, err
	}
	if len(p.Config.Features) == 0 || len(p.Config.Target) != 1 {
		return nil, invalid("config has %d features and %d targets; some and one are needed", len(p.Config.Features), len(p.Config.Target))
	}
	if len(p.Model) == 0 || string(p.Model) == "null" {
		return nil, invalid("the export has no model: it was made before the first training")
	}
	t, err := readTopology(p.Model)
	if err != nil {
		return nil, err
	}
	width := len(p.Config.Features)
	if p.Type == string(retrain.TimeSeries) {
		width++ // the target's own past
	}
	c, err := t.chain(width)
	if err != nil {
		return nil, err
	}
	m := &Model{Format: Format, FormatVersion: FormatVersion, Lineage: Lineage{From: "mlplugin", Model: p.Config.Name, Dataset: retrain.Dataset{Resource: p.Config.Resource}}}
	if m.Spec, err = p.spec(c); err != nil {
		return nil, err
	}
	m.Type = m.Spec.Type
	if m.Preparation, err = p.preparation(&m.Spec); err != nil {
		return nil, err
	}
	if m.Stats, err = p.stats(m); err != nil {
		return nil, err
	}
	if m.Weights, err = p.weights(c); err != nil {
		return nil, err
	}
	m.Architecture = []byte("{}")
	return m, m.check()
}

// spec returns the model of ours that has the same network. MLPlugin's "polynomial" regressions have no polynomial terms but
// hidden layers, and its classifiers one layer more than ours: they are neural networks here.
func (p *plugin) spec(c *chain) (retrain.Model, error) {
	theirs := &p.Config.ModelConfig
	m := retrain.Model{Name: p.Config.Name, Resource: p.Config.Resource, Features: p.Config.Features, Target: p.Config.Target,
		ModelConfig: retrain.ModelConfig{Epochs: theirs.Epochs, BatchSize: theirs.BatchSize, LearningRate: theirs.LearningRate, ValidationSplit: theirs.ValidationSplit}}
	f := &m.ModelConfig
	output := activation(c.output.Config.Activation)
	switch {
	case c.lstm != nil:
		if p.Type != string(retrain.TimeSeries) || len(c.hidden) != 1 || c.output.Config.Units != 1 || c.hidden[0].BatchNormalization || c.hidden[0].Activation != "relu" || output != "linear" {
			return m, invalid("a %s of LSTM, %d layers and the output %s; ours are timeseries of LSTM, a relu layer and a linear output", p.Type, len(c.hidden), output)
		}
		m.Type, f.Lookback, f.LSTMUnits, f.DenseUnits = retrain.TimeSeries, p.Lookback, c.lstm.Config.Units, c.hidden[0].Units
		f.Dropout, f.RecurrentDropout = &c.lstm.Config.Dropout, &c.lstm.Config.RecurrentDropout
		if f.Lookback == 0 {
			f.Lookback = theirs.Lookback
		}
	case p.Type == string(retrain.Regression) && len(c.hidden) == 0 && output == "linear" && c.output.Config.Units == 1:
		m.Type = retrain.Regression
	case len(p.Classes) > 0:
		m.Type, f.Layers, f.Loss = retrain.NeuralNetwork, c.hidden, "categoricalCrossentropy"
		want, units := "softmax", len(p.Classes)
		if units == 2 {
			want, units, f.Loss = "sigmoid", 1, "binaryCrossentropy"
		}
		if output != want || c.output.Config.Units != units {
			return m, invalid("the output of %d classes is %d × %s, ours is %d × %s", len(p.Classes), c.output.Config.Units, output, units, want)
		}
	case p.Type == string(retrain.Classification):
		return m, invalid("the export has no classes")
	case c.output.Config.Units != 1:
		return m, invalid("the output has %d units for one target", c.output.Config.Units)
	case p.Type == string(retrain.Regression), p.Type == string(retrain.NeuralNetwork):
		m.Type, f.Layers, f.OutputActivation = retrain.NeuralNetwork, c.hidden, output
	default:
		return m, invalid("a model of the unknown type %q", p.Type)
	}
	return m.WithDefaults(), nil
}

// preparation turns the normaliser into ours. MLPlugin makes 0.5 of a feature that never changed, ours 0: a range of one
// around its value does the same.
func (p *plugin) preparation(m *retrain.Model) (*prep.Preparation, error) {
	out := &prep.Preparation{Format: 1, OnMissing: m.OnMissing}
	if m.Type == retrain.TimeSeries {
		out.Lookback, out.OrderBy = m.ModelConfig.Lookback, m.ModelConfig.OrderBy
	}
	for _, name := range m.Features {
		s, ok := p.Normalizer.Features[name]
		if !ok {
			return nil, invalid("the normalizer has no feature %q", name)
		}
		if s.Min == s.Max {
			s.Min, s.Max = s.Min-0.5, s.Max+0.5
		}
		out.Features = append(out.Features, prep.Feature{Name: name, Form: prep.Numeric, Min: s.Min, Max: s.Max, Mean: (s.Min + s.Max) / 2})
	}
	target := prep.Target{Name: m.Target[0]}
	if prep.Classes(m) {
		var err error
		if target.Classes, target.Of, err = classesOf(p.Classes); err != nil {
			return nil, err
		}
		out.Targets = []prep.Target{target}
		return out, nil
	}
	s := p.Normalizer.Target
	if s == nil {
		return nil, invalid("the normalizer has no target")
	}
	target.Min, target.Max = s.Min, s.Max
	out.Targets = []prep.Target{target}
	if m.Type == retrain.TimeSeries {
		if slices.Contains(m.Features, target.Name) {
			return nil, invalid("the target %q is a feature too: the network sees it twice, ours once", target.Name)
		}
		out.Features = append(out.Features, prep.Feature{Name: target.Name, Form: prep.Numeric, Min: s.Min, Max: s.Max, Mean: (s.Min + s.Max) / 2})
	}
	return out, nil
}

// classesOf returns classes as a preparation names them, in the export's order, which is the network's.
func classesOf(classes []any) (names []string, of prep.Form, err error) {
	for _, c := range classes {
		var name string
		form := prep.Category
		switch c := c.(type) {
		case string:
			name = c
		case float64:
			b, _ := json.Marshal(c) // it was read from JSON
			name, form = string(b), prep.Numeric
		case bool:
			name, form = strconv.FormatBool(c), prep.Boolean
		default:
			return nil, "", invalid("the class %v is no text, number or boolean", c)
		}
		if of != "" && of != form {
			return nil, "", invalid("the classes are of different kinds: %v", classes)
		}
		names, of = append(names, name), form
	}
	return names, of, nil
}

// stats returns what the export knows of the training. Its loss is that of the scaled target.
func (p *plugin) stats(m *Model) (json.RawMessage, error) {
	f := retrain.Fit{Samples: p.Stats.Samples, Loss: p.Stats.Loss, Epochs: m.Spec.ModelConfig.Epochs, Losses: []float64{}, ValLosses: []float64{}, Metrics: map[string]float64{}}
	if p.Stats.Accuracy != nil {
		f.Metrics["accuracy"] = *p.Stats.Accuracy
	}
	if at, err := time.Parse(time.RFC3339, p.Stats.TrainedAt); err == nil {
		m.Lineage.RequestedAt = at
	}
	return stats(f)
}

// weights returns the arrays that the chain needs, under our names.
func (p *plugin) weights(c *chain) ([]Tensor, error) {
	found, err := p.found()
	if err != nil {
		return nil, err
	}
	var missing []string
	tensors := make([]Tensor, len(c.ours))
	for i, s := range c.theirs {
		t, ok := found[s.Name]
		switch {
		case !ok:
			missing = append(missing, fmt.Sprintf("%s %v", s.Name, s.Shape))
		case !slices.Equal(t.Shape, s.Shape):
			return nil, invalid("%s is %v, the topology makes it %v", s.Name, t.Shape, s.Shape)
		}
		tensors[i] = Tensor{c.ours[i].Name, t.Shape, t.Data}
	}
	switch {
	case len(found) == 0:
		return nil, invalid("the export has the network's topology and its normaliser, but no weights: %s", strings.Join(missing, ", ")).
			WithHint("MLPlugin does not save weights: declare the model and train it, or add weightSpecs and weightData of TensorFlow.js to the file")
	case len(missing) > 0:
		return nil, invalid("the export lacks weights: %s", strings.Join(missing, ", "))
	}
	return tensors, nil
}

// found returns all weights that the export has, by its names for them.
func (p *plugin) found() (map[string]Tensor, error) {
	found := make(map[string]Tensor)
	for _, w := range p.Weights {
		n, err := size(w.Name, w.Shape)
		if err != nil {
			return nil, err
		}
		if len(w.Values) != n {
			return nil, invalid("%s of shape %v has %d values", w.Name, w.Shape, len(w.Values))
		}
		found[w.Name] = NewTensor(w.Name, w.Shape, w.Values)
	}
	sets := []jsWeights{p.jsWeights, {}}
	_ = json.Unmarshal(p.Model, &sets[1]) // a topology in a text has none
	for i := range sets {
		if err := sets[i].into(found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (w *jsWeights) into(found map[string]Tensor) error {
	if len(w.Specs) == 0 {
		return nil
	}
	var text string
	if err := json.Unmarshal(w.Data, &text); err != nil || text == "" {
		return invalid("weightSpecs has %d arrays, but weightData is no base64 text", len(w.Specs)).
			WithHint("JSON.stringify writes an ArrayBuffer as {}: encode it as base64 first")
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return invalid("weightData: %w", err)
	}
	for _, s := range w.Specs {
		n, err := size(s.Name, s.Shape)
		if err != nil {
			return err
		}
		if s.Type != "float32" || len(s.Quantization) > 0 {
			return invalid("%s is %s, or quantized; float32 is read", s.Name, s.Type)
		}
		if 4*n > len(b) {
			return invalid("weightData ends in the middle of %s", s.Name)
		}
		found[s.Name] = Tensor{s.Name, s.Shape, base64.StdEncoding.EncodeToString(b[:4*n])}
		b = b[4*n:]
	}
	if len(b) > 0 {
		return invalid("weightData has %d bytes more than weightSpecs take", len(b))
	}
	return nil
}
