// Package portable is a model outside of its system: one JSON file with everything that it takes to answer, and to go on
// learning. It is plain Go: no TensorFlow, no cgo. Nothing in a file is trusted, since it may come from anywhere.
//
//	model.go      the file: what is in it, written and read
//	tensor.go     the weights
//	version.go    a version's folder becomes a file
//	graph.go      which operations the graph of a version's folder may have
//	mlplugin.go   the files of s3db.js' MLPlugin; topology.go is what they say of a network
package portable

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// The format of our files. The version goes up when what stands in them is read differently.
const (
	Format        = "retrain-model"
	FormatVersion = 1
)

// MostBytes is the size of the largest file that is read: 100 million weights fit in.
const MostBytes = 600 << 20

// A Model is the content of a file.
type Model struct {
	Format        string            `json:"format"`        // retrain-model
	FormatVersion int               `json:"formatVersion"` // 1
	Type          retrain.Kind      `json:"type"`
	Spec          retrain.Model     `json:"spec"`         // as it was trained, defaults filled in
	Preparation   *prep.Preparation `json:"preparation"`  // normaliser, levels, classes
	Architecture  json.RawMessage   `json:"architecture"` // layers, parameters, interval, examples; mlcore reads it
	Stats         json.RawMessage   `json:"stats"`        // a retrain.Fit without what stands beside it
	Lineage       Lineage           `json:"lineage"`
	Weights       []Tensor          `json:"weights"`
}

// A Lineage says what a model was made from.
type Lineage struct {
	From        string          `json:"from,omitempty"` // retrain; of other files what wrote them
	Model       string          `json:"model,omitempty"`
	Version     int             `json:"version,omitempty"`
	RequestedAt time.Time       `json:"requestedAt,omitzero"`
	Reason      retrain.Reason  `json:"reason,omitempty"`
	Dataset     retrain.Dataset `json:"dataset,omitzero"`
	Origin      *retrain.Origin `json:"origin,omitempty"` // where that version had been imported from
}

// Write writes the file.
func (m *Model) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(m)
}

// Read reads a file of ours. Whatever is wrong with it is a DataValidationError or a ModelConfigError.
func Read(file []byte) (*Model, error) {
	m := new(Model)
	if err := decode(file, m); err != nil {
		return nil, err
	}
	if m.Format != Format {
		return nil, invalid("this is not a model that was exported: format is %q, not %q", m.Format, Format)
	}
	if m.FormatVersion != FormatVersion {
		return nil, invalid("the file has format version %d, this program reads %d", m.FormatVersion, FormatVersion).
			WithHint("export it again with a program of this release")
	}
	return m, m.check()
}

// decode reads a file that is one JSON value.
func decode(file []byte, v any) error {
	if len(file) > MostBytes {
		return invalid("a file of %d MiB; at most %d MiB are read", len(file)>>20, MostBytes>>20)
	}
	d := json.NewDecoder(bytes.NewReader(file))
	if err := d.Decode(v); err != nil {
		return invalid("the file is not a JSON model: %w", err).WithHint("was it cut off? producer export writes such files")
	}
	if rest := bytes.TrimSpace(file[d.InputOffset():]); len(rest) > 0 {
		return invalid("the file goes on after its JSON value")
	}
	return nil
}

// check looks at everything that can be known without TensorFlow.
func (m *Model) check() error {
	if m.Type != m.Spec.Type {
		return invalid("type is %q, the spec's is %q", m.Type, m.Spec.Type)
	}
	if m.Preparation == nil {
		return invalid("preparation is missing: what the features' scales and levels are")
	}
	spec := m.Spec
	if spec.Name == "" { // it gets another one anyway
		spec.Name = "imported"
	}
	if err := prep.Check(&spec); err != nil {
		return err
	}
	if err := m.Preparation.Suits(&spec); err != nil {
		return err
	}
	return checkTensors(m.Weights)
}

// Fit returns what is known of the model's training, with its preparation and architecture.
func (m *Model) Fit() (retrain.Fit, error) {
	var f retrain.Fit
	if len(m.Stats) > 0 {
		if err := json.Unmarshal(m.Stats, &f); err != nil {
			return f, invalid("stats: %w", err)
		}
	}
	var err error
	if f.Preparation, err = json.Marshal(m.Preparation); err != nil {
		return f, err
	}
	f.Details = m.Architecture
	f.Champion = nil // it was the champion of another model
	return f, nil
}

// Origin returns what a version that is made of the file says of where it comes from. sha256 is the file's.
func (m *Model) Origin(sha256 string) retrain.Origin {
	l := &m.Lineage
	return retrain.Origin{From: l.From, Model: l.Model, Version: l.Version, Resource: l.Dataset.Resource, RequestedAt: l.RequestedAt, SHA256: sha256}
}

func invalid(format string, args ...any) *retrain.Error {
	return retrain.Errorf(retrain.DataValidationError, format, args...)
}
