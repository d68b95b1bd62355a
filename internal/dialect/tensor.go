package dialect

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"retrain"
	"retrain/mlcore/prep"
)

// A Tensor is an input or an output of the Open Inference Protocol. Its data are in the order of rows, flat, or nested as its shape.
type Tensor struct {
	Name       string         `json:"name"`
	Shape      []int          `json:"shape"`
	Datatype   string         `json:"datatype"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Data       any            `json:"data,omitzero"`
}

// A datatype says what numbers it holds: whole ones between two bounds, or any.
type datatype struct {
	kind     byte // b for booleans, i for whole numbers, f for any, s for texts
	size     int  // bytes of one in binary data; 0 for texts
	min, max float64
}

var datatypes = map[string]datatype{
	"BOOL":   {'b', 1, 0, 1},
	"UINT8":  {'i', 1, 0, math.MaxUint8},
	"UINT16": {'i', 2, 0, math.MaxUint16},
	"UINT32": {'i', 4, 0, math.MaxUint32},
	"UINT64": {'i', 8, 0, math.MaxUint64},
	"INT8":   {'i', 1, math.MinInt8, math.MaxInt8},
	"INT16":  {'i', 2, math.MinInt16, math.MaxInt16},
	"INT32":  {'i', 4, math.MinInt32, math.MaxInt32},
	"INT64":  {'i', 8, math.MinInt64, math.MaxInt64},
	"FP16":   {'f', 2, -65504, 65504},
	"FP32":   {'f', 4, -math.MaxFloat32, math.MaxFloat32},
	"FP64":   {'f', 8, -math.MaxFloat64, math.MaxFloat64},
	"BYTES":  {'s', 0, 0, 0},
}

// values returns a tensor's data flat. null is a missing value.
func (t *Tensor) values() ([]any, error) {
	of, ok := datatypes[t.Datatype]
	if !ok {
		return nil, t.unknownType()
	}
	size, err := t.size()
	if err != nil {
		return nil, err
	}
	data, ok := t.Data.([]any)
	if !ok {
		return nil, invalid("input %q has no data, a list", short(t.Name))
	}
	flat := data
	if nested(data) {
		flat = make([]any, 0, min(size, 1<<20))
		if flat, err = flatten(flat, data, t.Shape); err != nil {
			return nil, invalid("input %q: %w", short(t.Name), err)
		}
	}
	if len(flat) != size {
		return nil, invalid("input %q has %d values; its shape %v says %d", short(t.Name), len(flat), t.Shape, size)
	}
	for i, v := range flat {
		if flat[i], err = of.value(v); err != nil {
			return nil, invalid("input %q, value %d: %w %s", short(t.Name), i+1, err, t.Datatype)
		}
	}
	return flat, nil
}

func (t *Tensor) unknownType() error {
	return invalid("input %q: unknown datatype %q", short(t.Name), short(t.Datatype)).
		WithHint("BOOL, UINT8 to UINT64, INT8 to INT64, FP16 to FP64 or BYTES")
}

// mostValues bounds what a shape may claim.
const mostValues = 1 << 31

// size returns how many values the shape has.
func (t *Tensor) size() (int, error) {
	size := 1
	for _, d := range t.Shape {
		if d < 0 || d > mostValues || size*d > mostValues {
			return 0, invalid("input %q: shape %v", short(t.Name), t.Shape)
		}
		size *= d
	}
	return size, nil
}

func nested(data []any) bool {
	return slices.ContainsFunc(data, func(v any) bool { _, list := v.([]any); return list })
}

// flatten appends nested lists in the order of rows. They must be as the shape says.
func flatten(flat, data []any, shape []int) ([]any, error) {
	if len(shape) == 0 || len(data) != shape[0] {
		return nil, fmt.Errorf("a list of %d values does not agree with its shape", len(data))
	}
	for _, v := range data {
		list, ok := v.([]any)
		if ok != (len(shape) > 1) {
			return nil, fmt.Errorf("its lists are not nested as its shape, %d deep", len(shape))
		}
		if !ok {
			flat = append(flat, v)
			continue
		}
		var err error
		if flat, err = flatten(flat, list, shape[1:]); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

// value returns a JSON value as a record has it.
func (d datatype) value(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil //nolint:nilnil // a value that is missing
	case bool:
		if d.kind == 'b' {
			return v, nil
		}
	case string:
		if d.kind == 's' {
			return v, nil
		}
	case float64:
		switch {
		case d.kind == 'b' && (v == 0 || v == 1):
			return v == 1, nil
		case d.kind == 'f' && v >= d.min && v <= d.max, d.kind == 'i' && v >= d.min && v <= d.max && v == math.Trunc(v):
			return v, nil
		}
		return nil, fmt.Errorf("%v is no", v)
	case map[string]any:
		return nil, errors.New("an object is no")
	}
	return nil, fmt.Errorf("%.40v is no", v)
}

// datatypeOf returns how a field is described: dates as Unix seconds, but texts are taken, too.
func datatypeOf(f prep.Form) string {
	switch f {
	case prep.Category:
		return "BYTES"
	case prep.Boolean:
		return "BOOL"
	}
	return "FP64"
}

// records returns the records of a request's tensors: one tensor [rows] or [rows, 1] for each field, or one of all fields in their
// order, [rows, fields]. Of a time series, rows are windows, and the steps are the dimension behind them.
func (s *Schema) records(inputs []Tensor) ([]retrain.Record, error) {
	if len(inputs) == 1 && s.together(&inputs[0]) {
		return s.split(&inputs[0])
	}
	var t columnTable
	for i := range inputs {
		in := &inputs[i]
		if !s.field(in.Name) {
			return nil, s.unknown(in.Name)
		}
		if slices.Contains(t.names, in.Name) {
			return nil, invalid("input %q is there twice", short(in.Name))
		}
		if !s.alone(in.Shape) {
			return nil, invalid("input %q: shape %v, model %q takes %s", short(in.Name), in.Shape, s.Model, s.shapes())
		}
		values, err := in.values()
		if err == nil {
			err = t.add(in.Name, values)
		}
		if err != nil {
			return nil, err
		}
	}
	return t.records(), nil
}

// together reports whether a tensor has all fields.
func (s *Schema) together(t *Tensor) bool {
	dims := s.dims()
	n := len(s.Fields)
	return len(t.Shape) == len(dims)+1 && t.Shape[len(dims)] == n && (n > 1 || !s.field(t.Name))
}

// dims returns the shape of one field.
func (s *Schema) dims() []int {
	if s.Lookback > 0 {
		return []int{-1, s.Lookback}
	}
	return []int{-1}
}

// alone reports whether a shape is that of one field.
func (s *Schema) alone(shape []int) bool {
	dims := s.dims()
	if len(shape) == len(dims)+1 && shape[len(dims)] == 1 {
		shape = shape[:len(dims)]
	}
	return len(shape) == len(dims) && (s.Lookback == 0 || shape[1] == s.Lookback)
}

func (s *Schema) shapes() string {
	all := append(s.dims(), len(s.Fields))
	return fmt.Sprintf("%v for each field, or %v for all in their order", s.dims(), all)
}

// split returns the records in a tensor of all fields.
func (s *Schema) split(t *Tensor) ([]retrain.Record, error) {
	values, err := t.values()
	if err != nil {
		return nil, err
	}
	if s.Lookback > 0 && t.Shape[1] != s.Lookback {
		return nil, invalid("input %q: shape %v, model %q takes %s", short(t.Name), t.Shape, s.Model, s.shapes())
	}
	n := len(s.Fields)
	records := make([]retrain.Record, len(values)/n)
	for i := range records {
		if records[i], err = s.byPosition(values[i*n:(i+1)*n], "a row"); err != nil {
			return nil, err
		}
	}
	return records, nil
}
