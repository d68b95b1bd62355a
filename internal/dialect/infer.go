package dialect

import (
	"slices"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"

	"retrain"
	"retrain/mlcore/prep"
)

const exampleInfer = `send {"inputs":[{"name":"cost","shape":[1],"datatype":"FP64","data":[100]},…]}: a tensor for each field`

// An Inference is a request of the Open Inference Protocol.
type Inference struct {
	Question

	id      string
	outputs map[string]bool // the names of those that are wanted, and whether in binary; nil for all
	binary  bool            // whether outputs are wanted in binary where that is not said of each
}

// ReadInfer reads a request of the Open Inference Protocol. Its first header bytes are JSON; behind them stand the data of the
// inputs that say so.
func (s *Schema) ReadInfer(body []byte, header int) (*Inference, error) {
	type parameters struct {
		Binary bool `json:"binary_data"`
	}
	var request struct {
		ID         string   `json:"id"`
		Inputs     []Tensor `json:"inputs"`
		Parameters struct {
			Binary bool `json:"binary_data_output"`
		} `json:"parameters"`
		Outputs []struct {
			Name       string     `json:"name"`
			Parameters parameters `json:"parameters"`
		} `json:"outputs"`
	}
	if err := read(body[:header], &request, exampleInfer); err != nil {
		return nil, err
	}
	if len(request.Inputs) == 0 {
		return nil, invalid(`the request has no "inputs"`).WithHint("%s", exampleInfer)
	}
	if err := attach(request.Inputs, body[header:]); err != nil {
		return nil, err
	}
	in := &Inference{id: request.ID, binary: request.Parameters.Binary, Question: Question{Window: s.Lookback}}
	given := s.outputs()
	for _, out := range request.Outputs {
		if !slices.ContainsFunc(given, func(t Tensor) bool { return t.Name == out.Name }) {
			return nil, invalid("model %q has no output %q", s.Model, short(out.Name))
		}
		if in.outputs == nil {
			in.outputs = make(map[string]bool)
		}
		in.outputs[out.Name] = out.Parameters.Binary || in.binary
	}
	var err error
	in.Records, err = s.records(request.Inputs)
	return in, err
}

// InferAnswer returns what is written of the predictions, which must be finite: JSON, and the data of the outputs that are wanted
// in binary, which stand behind it; nil where none are.
func (s *Schema) InferAnswer(in *Inference, predictions []retrain.Prediction) (text, tensors []byte, err error) {
	answer := struct {
		Model   string   `json:"model_name"`
		Version string   `json:"model_version"`
		ID      string   `json:"id,omitempty"`
		Outputs []Tensor `json:"outputs"`
	}{Model: s.Model, Version: strconv.Itoa(s.Version), ID: in.id, Outputs: []Tensor{}}
	for _, t := range s.outputs() {
		packed, wanted := in.outputs[t.Name]
		if in.outputs != nil && !wanted || t.Name == "interval" && !haveIntervals(predictions) {
			continue
		}
		t.Shape[0] = len(predictions)
		t.Data = s.data(t.Name, predictions)
		if packed || in.outputs == nil && in.binary {
			data := t.packed()
			tensors = append(tensors, data...)
			t.Data, t.Parameters = nil, map[string]any{sizeParameter: len(data)}
		}
		answer.Outputs = append(answer.Outputs, t)
	}
	text, err = Write(answer)
	return text, tensors, err
}

// outputs describes what a version gives: the prediction; of a class its probability and those of all classes, in the order of
// the parameter labels; of a number the interval in which it lies.
func (s *Schema) outputs() []Tensor {
	of := "FP64"
	classes := s.classes()
	if len(classes) > 0 {
		of = datatypeOf(s.Targets[0].Of)
	}
	prediction := Tensor{Name: "prediction", Shape: []int{-1}, Datatype: of}
	if n := len(s.Targets); n > 1 {
		prediction.Shape = append(prediction.Shape, n)
	}
	list := []Tensor{prediction}
	if len(classes) > 0 {
		labels, _ := jsonv2.Marshal(classes) // texts can be written
		list = append(list, Tensor{Name: "confidence", Shape: []int{-1}, Datatype: "FP64"},
			Tensor{Name: "probabilities", Shape: []int{-1, len(classes)}, Datatype: "FP64", Parameters: map[string]any{"labels": string(labels)}})
	}
	if s.Interval && len(s.Targets) == 1 && len(classes) == 0 {
		list = append(list, Tensor{Name: "interval", Shape: []int{-1, 2}, Datatype: "FP64"})
	}
	return list
}

// data returns an output's values, flat.
func (s *Schema) data(name string, predictions []retrain.Prediction) []any {
	data := make([]any, 0, len(predictions))
	add := func(numbers ...float64) {
		for _, n := range numbers {
			data = append(data, n)
		}
	}
	for i, p := range predictions {
		switch name {
		case "prediction":
			if several, ok := p.Prediction.([]float64); ok {
				add(several...)
			} else {
				data = append(data, p.Prediction)
			}
		case "confidence":
			if p.Confidence == nil {
				p.Confidence = new(float64)
			}
			add(*p.Confidence)
		case "probabilities":
			add(s.distributions(predictions[i : i+1])[0]...)
		case "interval":
			add(p.Interval[:]...)
		}
	}
	return data
}

func haveIntervals(predictions []retrain.Prediction) bool {
	return !slices.ContainsFunc(predictions, func(p retrain.Prediction) bool { return p.Interval == nil })
}

// InferMetadata describes a model to clients of the Open Inference Protocol. versions are those that can be asked.
func (s *Schema) InferMetadata(versions []string) any {
	inputs := make([]Tensor, len(s.Fields))
	for i, f := range s.Fields {
		inputs[i] = Tensor{Name: f.Name, Datatype: datatypeOf(f.Form), Shape: s.dims()}
		if f.Form == prep.Date {
			inputs[i].Parameters = map[string]any{"form": "date: Unix seconds, or BYTES like 2026-03-01 or 2026-03-01T12:00:00Z"}
		}
	}
	return map[string]any{"name": s.Model, "versions": versions, "platform": "tensorflow_savedmodel", "inputs": inputs, "outputs": s.outputs()}
}
