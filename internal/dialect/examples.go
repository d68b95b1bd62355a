package dialect

import (
	"fmt"

	"retrain"
)

const exampleExamples = `send {"examples":[{"cost":100,"demand":5}]}: a list of the features of each`

// Classify and Regress are the two requests of TensorFlow Serving whose inputs are examples.
const (
	Classify = "classify"
	Regress  = "regress"
)

// ReadExamples reads a request to Classify or Regress. The features of its context are those of every example. A version that does
// not give what the method asks for is an error.
func (s *Schema) ReadExamples(body []byte, method string) (*Question, error) {
	if err := s.suits(method); err != nil {
		return nil, err
	}
	var request struct {
		Signature string            `json:"signature_name"`
		Context   map[string]any    `json:"context"`
		Examples  *[]map[string]any `json:"examples"`
	}
	if err := read(body, &request, exampleExamples); err != nil {
		return nil, err
	}
	if request.Signature != "" { // as we name it, as models are exported for it, and what means the default
		if err := signed(request.Signature, method, "tensorflow/serving/"+method, servingDefault); err != nil {
			return nil, err
		}
	}
	if request.Examples == nil {
		return nil, invalid(`the request has no "examples"`).WithHint("%s", exampleExamples)
	}
	context, err := features(request.Context)
	if err != nil {
		return nil, invalid("context: %w", err)
	}
	records := make([]retrain.Record, len(*request.Examples))
	for i, example := range *request.Examples {
		if example == nil {
			return nil, invalid("example %d is null", i+1)
		}
		if records[i], err = features(example); err != nil {
			return nil, invalid("example %d: %w", i+1, err)
		}
		for name, v := range context {
			if _, both := records[i][name]; both {
				return nil, invalid("example %d: feature %q is in the context, too", i+1, short(name))
			}
			records[i][name] = v
		}
	}
	return &Question{Records: records}, nil
}

// features returns the values of an example's features, of which each is a value or a list of one.
func features(example map[string]any) (retrain.Record, error) {
	r := make(retrain.Record, len(example))
	for name, v := range example {
		v, err := unwrapped(v)
		if err != nil {
			return nil, err
		}
		if list, ok := v.([]any); ok {
			if len(list) != 1 {
				return nil, invalid("feature %q is a list of %d values", short(name), len(list))
			}
			v = list[0]
		}
		r[name] = v
	}
	return r, nil
}

// Results returns what is written of the predictions: the classes of each with their scores, or its value.
func (s *Schema) Results(method string, predictions []retrain.Prediction) any {
	classes := s.classes()
	results := make([]any, len(predictions))
	for i, p := range predictions {
		if method == Regress {
			results[i] = p.Prediction
			continue
		}
		scores := make([][2]any, len(classes))
		for j, class := range classes {
			scores[j] = [2]any{class, p.Probabilities[class]}
		}
		results[i] = scores
	}
	return map[string]any{"results": results}
}

// suits returns an error where a version has no signature for the method.
func (s *Schema) suits(method string) error {
	classes := len(s.classes()) > 0
	kind := "a number"
	switch {
	case s.Lookback > 0:
		kind = "a time series"
	case classes:
		kind = "a class"
	case len(s.Targets) > 1:
		kind = fmt.Sprintf("%d numbers", len(s.Targets))
	}
	if s.Lookback == 0 && len(s.Targets) == 1 && classes == (method == Classify) {
		return nil
	}
	return invalid("Expected %s signature method_name to be tensorflow/serving/%s: model %q predicts %s", method, method, s.Model, kind).
		WithHint("ask :predict")
}
