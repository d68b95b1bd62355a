package main

import (
	"reflect"

	"github.com/invopop/jsonschema"

	"retrain"
	"retrain/internal/app"
)

// ours describes the types that JSON knows otherwise than Go.
func ours(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[retrain.Duration]():
		return &jsonschema.Schema{Title: "duration", OneOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`},
			{Type: "number", Minimum: "0", Description: "milliseconds"},
		}}
	case reflect.TypeFor[app.Bytes]():
		return &jsonschema.Schema{Title: "amount of memory", OneOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `^[0-9]+(\.[0-9]+)? ?([KMGT]iB|[kMGT]?B)?$`},
			{Type: "integer", Minimum: "0", Description: "bytes"},
		}}
	case reflect.TypeFor[retrain.Names]():
		return &jsonschema.Schema{Title: "name, or list of names", OneOf: []*jsonschema.Schema{
			{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}},
		}}
	case reflect.TypeFor[retrain.Kind]():
		return &jsonschema.Schema{Type: "string", Enum: []any{retrain.Regression, retrain.Classification, retrain.TimeSeries, retrain.NeuralNetwork}}
	}
	return nil
}
