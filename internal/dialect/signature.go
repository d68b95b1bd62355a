package dialect

import (
	"strconv"

	"retrain/mlcore/prep"
)

// A tensorInfo is how TensorFlow Serving describes a tensor.
type tensorInfo struct {
	Dtype string      `json:"dtype"`
	Shape tensorShape `json:"tensor_shape"`
	Name  string      `json:"name"`
}

type tensorShape struct {
	Dim         []tensorDim `json:"dim"`
	UnknownRank bool        `json:"unknown_rank"`
}

// A tensorDim's size is a text, as protocol buffers write int64 in JSON.
type tensorDim struct {
	Size string `json:"size"`
	Name string `json:"name"`
}

type signatureDef struct {
	Inputs  map[string]tensorInfo `json:"inputs"`
	Outputs map[string]tensorInfo `json:"outputs"`
	Method  string                `json:"method_name"`
}

// Metadata returns TensorFlow Serving's description of a version: what Predict takes here, which are the fields of records before
// map, and what Classify or Regress take where they can be asked.
func (s *Schema) Metadata() any {
	signatures := map[string]signatureDef{servingDefault: s.servingDefault()}
	for _, method := range []string{Classify, Regress} {
		if s.suits(method) == nil {
			signatures[method] = s.ofExamples(method)
		}
	}
	type object = map[string]any
	return object{
		"model_spec": object{"name": s.Model, "signature_name": "", "version": strconv.Itoa(s.Version)},
		"metadata":   object{"signature_def": object{"signature_def": signatures}},
	}
}

func (s *Schema) servingDefault() signatureDef {
	shape := []int{-1}
	if s.Lookback > 0 {
		shape = append(shape, s.Lookback)
	}
	def := signatureDef{Inputs: make(map[string]tensorInfo), Outputs: make(map[string]tensorInfo), Method: "tensorflow/serving/predict"}
	for _, f := range s.Fields {
		def.Inputs[f.Name] = info(dtype(f.Form), servingDefault+"_"+f.Name, shape...)
	}
	switch classes := s.classes(); {
	case len(classes) > 0:
		of := dtype(s.Targets[0].Of)
		if s.Targets[0].Of == prep.Boolean {
			of = "DT_BOOL"
		}
		def.Outputs["prediction"] = info(of, "prediction", -1)
		def.Outputs["probabilities"] = info("DT_FLOAT", "probabilities", -1, len(classes))
	case len(s.Targets) > 1:
		def.Outputs["prediction"] = info("DT_FLOAT", "prediction", -1, len(s.Targets))
	default:
		def.Outputs["prediction"] = info("DT_FLOAT", "prediction", -1)
	}
	return def
}

func (s *Schema) ofExamples(method string) signatureDef {
	def := signatureDef{Inputs: map[string]tensorInfo{"inputs": info("DT_STRING", method+"_inputs", -1)}, Method: "tensorflow/serving/" + method}
	if n := len(s.classes()); n > 0 {
		def.Outputs = map[string]tensorInfo{"classes": info("DT_STRING", method+"_classes", -1, n), "scores": info("DT_FLOAT", method+"_scores", -1, n)}
	} else {
		def.Outputs = map[string]tensorInfo{"outputs": info("DT_FLOAT", method+"_outputs", -1, 1)}
	}
	return def
}

// dtype returns the type of a feature in the SavedModel.
func dtype(f prep.Form) string {
	switch f {
	case prep.Category:
		return "DT_STRING"
	case prep.Date:
		return "DT_DOUBLE"
	}
	return "DT_FLOAT"
}

func info(dtype, name string, shape ...int) tensorInfo {
	t := tensorInfo{Dtype: dtype, Name: name + ":0", Shape: tensorShape{Dim: make([]tensorDim, len(shape))}}
	for i, d := range shape {
		t.Shape.Dim[i].Size = strconv.Itoa(d)
	}
	return t
}
