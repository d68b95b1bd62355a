package httpapi

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/api"
)

// schemas31 makes JSON Schemas of Go types; those of structs have names.
type schemas31 struct {
	named   object
	reached []reflect.Type // structs, those with names
}

func typeOf(v any) reflect.Type { return reflect.TypeOf(v) }

// special are types that do not look in JSON as they do in Go.
var special = map[reflect.Type]object{
	typeOf(time.Time{}):         {"type": "string", "format": "date-time"},
	typeOf(retrain.Duration(0)): {"type": list{"string", "number"}, "description": "as 1h30m, or milliseconds"},
	typeOf(retrain.Names{}):     {"oneOf": list{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}}}},
	typeOf(retrain.Record{}):    {"type": "object", "additionalProperties": true, "description": "fields by name; id names the record"},
	typeOf(json.RawMessage{}):   {},
	typeOf(api.RoleRead):        enum(api.RoleRead, api.RoleWrite, api.RoleAdmin),
	typeOf(retrain.Queued):      enum(retrain.Queued, retrain.Running, retrain.Published, retrain.Rejected, retrain.Failed, retrain.Cancelled),
	typeOf(retrain.ModelQueued): enum(retrain.ModelRunning, retrain.ModelQueued, retrain.ModelPaused, retrain.ModelFailed, retrain.ModelTrained, retrain.ModelUntrained),
	typeOf(retrain.Regression):  enum(retrain.Regression, retrain.Classification, retrain.TimeSeries, retrain.NeuralNetwork),
	typeOf(retrain.MLError):     enum(slices.Sorted(maps.Keys(titles))...),
}

func enum[T ~string](values ...T) object {
	all := list{}
	for _, v := range values {
		all = append(all, string(v))
	}
	return object{"type": "string", "enum": all}
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// of returns the schema of a type.
func (s *schemas31) of(t reflect.Type) object {
	if known, ok := special[t]; ok {
		return maps.Clone(known)
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem())
	case t.Implements(marshaler):
		return object{}
	case t.Implements(textMarshaler):
		return object{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Array:
		return object{"type": "array", "items": s.of(t.Elem()), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Struct:
		return s.structure(t)
	}
	return object{} // anything
}

// structure returns a reference to the schema of a struct, which it makes at first.
func (s *schemas31) structure(t reflect.Type) object {
	name := t.Name()
	if name == "" {
		return s.fields(t)
	}
	if strings.HasSuffix(t.PkgPath(), "/s3io") || strings.HasSuffix(t.PkgPath(), "/tasks") || strings.HasSuffix(t.PkgPath(), "/app") {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	if _, ok := s.named[name]; !ok {
		s.named[name] = nil // while it is being made
		s.reached = append(s.reached, t)
		s.named[name] = described(s.fields(t), meaning(t, "", ""))
	}
	return ref(name)
}

func (s *schemas31) fields(t reflect.Type) object {
	properties, required := object{}, list{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous && f.Tag.Get("json") == "" || hidden(t, f.Index) {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		schema := atLeast(s.of(f.Type), f.Tag.Get("min"))
		if !strings.Contains(options, "omit") {
			required = append(required, name)
			schema = orNull(f.Type, schema)
		}
		properties[name] = described(schema, meaning(owner(t, f.Index), f.Name, name))
	}
	d := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		d["required"] = required
	}
	return d
}

// owner returns the struct that a field stands in, which is another one where it is promoted.
func owner(t reflect.Type, index []int) reflect.Type {
	if len(index) > 1 {
		t = t.FieldByIndex(index[:len(index)-1]).Type
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// described adds what something means, unless that is not known.
func described(schema object, means string) object {
	if means != "" {
		schema["description"] = means
	}
	return schema
}

// hidden reports whether a field is promoted from a named field's struct, or from a pointer that may be nil.
func hidden(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if f := t.FieldByIndex(index[:i]); f.Tag.Get("json") != "" {
			return true
		}
	}
	return false
}

// orNull lets a value be null that is always there and may be nil.
func orNull(t reflect.Type, schema object) object {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
	default:
		return schema
	}
	if kind, ok := schema["type"].(string); ok {
		schema["type"] = list{kind, "null"}
		return schema
	}
	if len(schema) == 0 {
		return schema
	}
	return object{"anyOf": list{schema, object{"type": "null"}}}
}

// atLeast says the least value, or the least length, of what a schema allows; "" for none.
func atLeast(schema object, least string) object {
	n, err := strconv.Atoi(least)
	if err != nil {
		return schema
	}
	switch schema["type"] {
	case "integer", "number":
		schema["minimum"] = n
	case "string":
		schema["minLength"] = n
	case "array":
		schema["minItems"] = n
	}
	return schema
}
