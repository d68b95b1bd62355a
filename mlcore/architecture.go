package mlcore

import (
	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
)

// architecture returns the network of a model for prepared data, and the loss that it learns by. A ModelConfigError says that
// the data do not suit the loss.
func architecture(m *retrain.Model, p *prep.Preparation) (nn.Network, nn.Loss, error) {
	c := &m.ModelConfig
	switch m.Type {
	case retrain.Regression:
		return regression(c, p), nn.Loss(c.Loss), nil
	case retrain.TimeSeries:
		return series(c, p), nn.Loss(c.Loss), nil
	case retrain.Classification:
		body := []nn.Layer{nn.Dense{In: p.Width(), Units: c.Units, Activation: c.Activation}}
		if *c.Dropout > 0 {
			body = append(body, nn.Dropout{Of: c.Units, Rate: *c.Dropout})
		}
		network, loss := classes(body, c.Units, len(p.Targets[0].Classes))
		return network, loss, nil
	}
	return custom(m, p)
}

// regression is linear; with polynomial terms it has a hidden layer too, unless it is to be solved exactly.
func regression(c *retrain.ModelConfig, p *prep.Preparation) nn.Network {
	in := p.Width()
	if c.Polynomial <= 1 || c.Solver == "exact" {
		return nn.Network{Layers: []nn.Layer{nn.Dense{In: in, Units: 1}}}
	}
	return nn.Network{Layers: []nn.Layer{nn.Dense{In: in, Units: c.Units, Activation: c.Activation}, nn.Dense{In: c.Units, Units: 1}}}
}

func series(c *retrain.ModelConfig, p *prep.Preparation) nn.Network {
	return nn.Network{Layers: []nn.Layer{
		nn.LSTM{In: p.Width(), Units: c.LSTMUnits, Steps: c.Lookback, Dropout: *c.Dropout, Recurrent: *c.RecurrentDropout},
		nn.Dense{In: c.LSTMUnits, Units: c.DenseUnits, Activation: "relu"},
		nn.Dense{In: c.DenseUnits, Units: 1}}}
}

// classes puts the output onto a body: one sigmoid says yes or no, a softmax one of many.
func classes(body []nn.Layer, width, n int) (nn.Network, nn.Loss) {
	if n == 2 {
		return nn.Network{Layers: append(body, nn.Dense{In: width, Units: 1}), Output: "sigmoid"}, nn.BinaryCrossentropy
	}
	return nn.Network{Layers: append(body, nn.Dense{In: width, Units: n}), Output: "softmax"}, nn.CategoricalCrossentropy
}

// custom is the network that the model lists layer by layer: dense, normalised, thinned out.
func custom(m *retrain.Model, p *prep.Preparation) (nn.Network, nn.Loss, error) {
	c := &m.ModelConfig
	width := p.Width()
	var body []nn.Layer
	for _, l := range c.Layers {
		body = append(body, nn.Dense{In: width, Units: l.Units, Activation: l.Activation})
		width = l.Units
		if l.BatchNormalization {
			body = append(body, nn.BatchNormalization{Of: width})
		}
		if l.Dropout > 0 {
			body = append(body, nn.Dropout{Of: width, Rate: l.Dropout})
		}
	}
	loss := nn.Loss(c.Loss)
	if !prep.Classes(m) {
		output := c.OutputActivation
		if loss == nn.BinaryCrossentropy {
			output = "sigmoid" // several labels, each of which is there or not
		}
		return nn.Network{Layers: append(body, nn.Dense{In: width, Units: p.Outputs()}), Output: output}, loss, nil
	}
	n := len(p.Targets[0].Classes)
	if c.OutputUnits > 1 && c.OutputUnits != n && n > 2 {
		return nn.Network{}, "", retrain.Errorf(retrain.ModelConfigError, "model %q: outputUnits is %d, target %s has %d classes",
			m.Name, c.OutputUnits, p.Targets[0].Name, n).WithHint("leave outputUnits out: classes are found in the data")
	}
	network, loss := classes(body, width, n)
	return network, loss, nil
}
