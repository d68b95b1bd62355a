package portable

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// A topology is what TensorFlow.js says of a network: its layers, one after the other.
type topology struct {
	Class  string `json:"class_name"`
	Config struct {
		Layers []jsLayer `json:"layers"`
	} `json:"config"`
}

// A jsLayer is a layer of a topology.
type jsLayer struct {
	Class  string `json:"class_name"`
	Config struct {
		Name                string   `json:"name"`
		Units               int      `json:"units"`
		Activation          string   `json:"activation"`
		RecurrentActivation string   `json:"recurrent_activation"`
		UseBias             *bool    `json:"use_bias"`
		Rate                float64  `json:"rate"`
		Dropout             float64  `json:"dropout"`
		RecurrentDropout    float64  `json:"recurrent_dropout"`
		Epsilon             *float64 `json:"epsilon"`
		Center              *bool    `json:"center"`
		Scale               *bool    `json:"scale"`
	} `json:"config"`
}

// readTopology reads a topology, which may be JSON within a JSON text, or stand among its weights.
func readTopology(raw json.RawMessage) (*topology, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	var around struct {
		Topology json.RawMessage `json:"modelTopology"`
	}
	if json.Unmarshal(raw, &around) == nil && len(around.Topology) > 0 {
		return readTopology1(around.Topology)
	}
	return readTopology1(raw)
}

func readTopology1(raw json.RawMessage) (*topology, error) {
	t := new(topology)
	if err := json.Unmarshal(raw, t); err != nil {
		return nil, invalid("model is not a topology of TensorFlow.js: %w", err)
	}
	if t.Class != "Sequential" || len(t.Config.Layers) == 0 {
		return nil, invalid("model is a %q with %d layers, not a Sequential with some", t.Class, len(t.Config.Layers))
	}
	return t, nil
}

// A chain is a topology in our words. Its arrays are named twice: as the export names them, and as our network does.
type chain struct {
	lstm   *jsLayer
	hidden []retrain.Layer
	output jsLayer
	theirs []Shape
	ours   []Shape

	width int            // of what comes next
	named map[string]int // our layers of each kind
}

// chain goes through the layers. width is that of the input.
func (t *topology) chain(width int) (*chain, error) {
	c := &chain{width: width, named: make(map[string]int)}
	layers := t.Config.Layers
	for i := range layers {
		l := &layers[i]
		var err error
		switch l.Class {
		case "Dense":
			err = c.dense(l, !slices.ContainsFunc(layers[i+1:], func(l jsLayer) bool { return l.Class == "Dense" }))
		case "LSTM":
			err = c.recurrent(l, i == 0)
		case "BatchNormalization":
			err = c.normalization(l)
		case "Dropout":
			if n := len(c.hidden); n > 0 {
				c.hidden[n-1].Dropout = l.Config.Rate
			}
		default:
			err = invalid("layer %q is a %s, which our networks have not", l.Config.Name, l.Class)
		}
		if err != nil {
			return nil, err
		}
	}
	if c.output.Class == "" || layers[len(layers)-1].Class != "Dense" {
		return nil, invalid("the last layer is a %s, not a Dense", layers[len(layers)-1].Class)
	}
	return c, nil
}

// add notes the arrays of a layer.
func (c *chain) add(l *jsLayer, kind string, arrays ...Shape) error {
	name := kind
	if n := c.named[kind]; n > 0 {
		name = fmt.Sprintf("%s_%d", kind, n)
	}
	c.named[kind]++
	for _, a := range arrays {
		if _, err := size(l.Config.Name+"/"+a.Name, a.Shape); err != nil {
			return err
		}
		c.theirs = append(c.theirs, Shape{l.Config.Name + "/" + a.Name, a.Shape})
		c.ours = append(c.ours, Shape{name + "/" + a.Name, a.Shape})
	}
	return nil
}

func (c *chain) dense(l *jsLayer, last bool) error {
	if isFalse(l.Config.UseBias) {
		return invalid("layer %q has no bias, ours have one", l.Config.Name)
	}
	in, units := c.width, l.Config.Units
	c.width = units
	if last {
		c.output = *l
	} else {
		c.hidden = append(c.hidden, retrain.Layer{Units: units, Activation: activation(l.Config.Activation)})
	}
	return c.add(l, "dense", Shape{"kernel", []int{in, units}}, Shape{"bias", []int{units}})
}

func (c *chain) recurrent(l *jsLayer, first bool) error {
	switch {
	case !first:
		return invalid("layer %q: ours have an LSTM only as the first layer", l.Config.Name)
	case isFalse(l.Config.UseBias):
		return invalid("layer %q has no bias, ours have one", l.Config.Name)
	case l.Config.Activation != "tanh" || l.Config.RecurrentActivation != "sigmoid":
		return invalid("layer %q: activation %s and recurrent_activation %s, our LSTMs have tanh and sigmoid", l.Config.Name, l.Config.Activation, l.Config.RecurrentActivation).
			WithHint("with other gates its weights mean something else: train the model anew")
	}
	in, units := c.width, l.Config.Units
	c.width, c.lstm = units, l
	if units > mostNumbers/4 {
		return invalid("layer %q has %d units", l.Config.Name, units)
	}
	return c.add(l, "lstm", Shape{"kernel", []int{in, 4 * units}}, Shape{"recurrent_kernel", []int{units, 4 * units}}, Shape{"bias", []int{4 * units}})
}

func (c *chain) normalization(l *jsLayer) error {
	n := len(c.hidden)
	if n == 0 || c.output.Class != "" {
		return invalid("layer %q does not follow a hidden layer", l.Config.Name)
	}
	if e := l.Config.Epsilon; e != nil && *e != 1e-3 || isFalse(l.Config.Center) || isFalse(l.Config.Scale) || c.hidden[n-1].BatchNormalization {
		return invalid("layer %q: ours have epsilon 0.001, center and scale, once after a layer", l.Config.Name)
	}
	c.hidden[n-1].BatchNormalization = true
	of := []int{c.width}
	return c.add(l, "batch_normalization", Shape{"gamma", of}, Shape{"beta", of}, Shape{"moving_mean", of}, Shape{"moving_variance", of})
}

// activation returns our name of an activation.
func activation(name string) string { return strings.ReplaceAll(name, "_", "") }

func isFalse(v *bool) bool { return v != nil && !*v }
