// Package dialect is how the clients of other servers ask for predictions: TensorFlow Serving's REST API, in row and column format,
// with Classify and Regress, and the Open Inference Protocol. It turns the text of a request into records, which are what a version
// answers, and predictions into the text of an answer. It knows no HTTP, and no model but by its Schema.
//
//	schema.go     what a version takes and gives
//	read.go       JSON, and what is wrong with it
//	predict.go    records, rows and columns of TensorFlow Serving's Predict
//	examples.go   its Classify and Regress
//	signature.go  its description of a version
//	tensor.go     tensors of the Open Inference Protocol, as records
//	infer.go      its requests and answers
//	binary.go     its tensors behind the JSON
//
// Whatever is wrong with a request is a DataValidationError.
package dialect

import (
	"encoding/json"
	"fmt"

	"retrain"
	"retrain/mlcore/prep"
)

// A Schema is what a version takes and gives, as those need to know it who speak in tensors.
type Schema struct {
	Model    string
	Version  int
	Fields   []prep.Field  // what it reads of a record; by position, where a client does not name them
	Targets  []prep.Target // what it predicts
	Lookback int           // records of a window, of a time series; else 0
	Interval bool          // whether predictions have an interval
}

// SchemaOf reads a version's schema from its manifest.
func SchemaOf(mf *retrain.Manifest) (*Schema, error) {
	var p prep.Preparation
	if err := json.Unmarshal(mf.Fit.Preparation, &p); err != nil {
		return nil, fmt.Errorf("preparation of version %d: %w", mf.Version, err)
	}
	var details struct {
		Interval *struct{} `json:"interval"`
		Examples []struct {
			Records []retrain.Record `json:"records"`
		} `json:"examples"`
	}
	if len(mf.Fit.Details) > 0 {
		if err := json.Unmarshal(mf.Fit.Details, &details); err != nil {
			return nil, fmt.Errorf("details of version %d: %w", mf.Version, err)
		}
	}
	s := &Schema{Model: mf.Model, Version: mf.Version, Targets: p.Targets, Lookback: p.Lookback, Interval: details.Interval != nil}
	var err error
	if s.Fields, err = p.Fields(); err != nil {
		return nil, err
	}
	if len(s.Targets) == 0 {
		return nil, fmt.Errorf("version %d has no target", mf.Version)
	}
	for _, e := range details.Examples {
		for _, r := range e.Records {
			s.guess(r)
		}
	}
	return s, nil
}

// guess gives fields that only expressions read the form that they have in a record.
func (s *Schema) guess(r retrain.Record) {
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Form == "" {
			switch r.At(f.Name).(type) {
			case float64:
				f.Form = prep.Numeric
			case bool:
				f.Form = prep.Boolean
			case string:
				f.Form = prep.Category
			}
		}
	}
}

// classes returns the names of the classes, nil where a number is predicted.
func (s *Schema) classes() []string { return s.Targets[0].Classes }

// field reports whether the version reads a field of this name.
func (s *Schema) field(name string) bool {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return true
		}
	}
	return false
}

// names returns the names of the fields.
func (s *Schema) names() []string {
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	return names
}
