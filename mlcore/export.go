package mlcore

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"retrain"
	"retrain/mlcore/prep"
)

// An Exported is a version as one JSON value: everything that a SavedModel needs to be written again, byte for byte.
type Exported struct {
	Format     int             `json:"format"` // 1
	Type       retrain.Kind    `json:"type"`
	Config     retrain.Model   `json:"config"`     // as it was trained
	Normalizer json.RawMessage `json:"normalizer"` // how features are made from records
	Stats      retrain.Fit     `json:"stats"`      // losses, metrics and details; its preparation stands in Normalizer
	Weights    []Weights       `json:"weights"`
}

// Weights are one array of a network.
type Weights struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Values []byte `json:"values"` // float32, little-endian, in base64
}

// Export returns a version as one JSON value.
func Export(v retrain.Version) (*Exported, error) {
	fit := v.Manifest.Fit
	x := &Exported{Format: 1, Type: v.Manifest.Spec.Type, Config: v.Manifest.Spec, Normalizer: fit.Preparation, Stats: fit}
	x.Stats.Preparation = nil
	network, _, err := x.network()
	if err != nil {
		return nil, err
	}
	parameters := network.network.Parameters()
	values, err := weightsOf(v, parameters)
	if err != nil {
		return nil, err
	}
	for i, p := range parameters {
		b, err := binary.Append(nil, binary.LittleEndian, values[i])
		if err != nil {
			return nil, err
		}
		x.Weights = append(x.Weights, Weights{p.Name, p.Shape, b})
	}
	return x, nil
}

// Write writes the SavedModel into dir and returns the fit that stands in the version's manifest. A DataValidationError says
// what is wrong with an export.
func (x *Exported) Write(dir string) (retrain.Fit, error) {
	sm, details, err := x.network()
	if err != nil {
		return retrain.Fit{}, err
	}
	sm.temperature = details.Temperature
	for _, p := range sm.network.Parameters() {
		i := slices.IndexFunc(x.Weights, func(w Weights) bool { return w.Name == p.Name })
		if i < 0 {
			return retrain.Fit{}, broken("it has no weights %s", p.Name)
		}
		w := x.Weights[i]
		if !slices.Equal(w.Shape, p.Shape) || len(w.Values) != 4*p.Size() {
			return retrain.Fit{}, broken("weights %s are %v in %d bytes, its configuration wants %v", p.Name, w.Shape, len(w.Values), p.Shape)
		}
		values := make([]float32, p.Size())
		if err := binary.Read(bytes.NewReader(w.Values), binary.LittleEndian, values); err != nil {
			return retrain.Fit{}, err
		}
		sm.weights = append(sm.weights, values)
	}
	fit := x.Stats
	fit.Preparation = x.Normalizer
	return fit, sm.write(dir)
}

// network returns what the export describes, without its weights.
func (x *Exported) network() (*savedModel, *Details, error) {
	if x.Format != 1 {
		return nil, nil, broken("its format is %d, not 1", x.Format)
	}
	p := new(prep.Preparation)
	if err := json.Unmarshal(x.Normalizer, p); err != nil {
		return nil, nil, broken("normalizer: %s", err)
	}
	if len(p.Targets) == 0 {
		return nil, nil, broken("its normalizer names no target")
	}
	d, err := ReadDetails(&x.Stats)
	if err != nil {
		return nil, nil, broken("%s", err)
	}
	m := x.Config.WithDefaults()
	network, _, err := architecture(&m, p)
	return &savedModel{network: &network, preparation: p}, d, err
}

func broken(format string, args ...any) error {
	return retrain.Errorf(retrain.DataValidationError, "the export cannot be read: %s", fmt.Sprintf(format, args...))
}
