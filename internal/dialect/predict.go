package dialect

import (
	"fmt"
	"maps"
	"slices"

	"retrain"
)

const (
	exampleRows   = `send {"instances":[{"cost":100,"demand":5}]}: a list of records by the names of their fields`
	exampleInputs = `send {"inputs":{"cost":[100,200],"demand":[5,6]}}: for each field a list of its values`
)

// The signature that the requests of Predict mean.
const servingDefault = "serving_default"

// ReadPredict reads a request of TensorFlow Serving's Predict: {"instances":[…]} of records by name, or of values in the order of
// the fields, or {"inputs":…} of columns. schema is called where a request needs one, which records by name do not.
//
// The answer to records has the values alone, as clients that know of records expect; the answer to a request that names a
// signature, or to columns, has everything that the signature gives.
func ReadPredict(body []byte, schema func() (*Schema, error)) (*Question, error) {
	var request struct {
		Signature string `json:"signature_name"`
		Instances *[]any `json:"instances"`
		Inputs    any    `json:"inputs"`
	}
	if err := read(body, &request, exampleRows); err != nil {
		return nil, err
	}
	q := new(Question)
	if request.Signature != "" {
		if err := signed(request.Signature, servingDefault); err != nil {
			return nil, err
		}
		q.style = rows
	}
	var err error
	switch {
	case request.Instances != nil && request.Inputs != nil:
		return nil, invalid(`the request has both "instances" and "inputs"`)
	case request.Instances != nil:
		err = q.readRows(*request.Instances, schema)
	case request.Inputs != nil:
		q.style = columns
		err = q.readColumns(request.Inputs, schema)
	default:
		return nil, invalid(`the request has no "instances"`).WithHint("%s", exampleRows)
	}
	if err == nil && q.style != bare {
		q.schema, err = schema()
	}
	return q, err
}

// signed returns an error unless a signature's name is one of these.
func signed(name string, known ...string) error {
	if slices.Contains(known, name) {
		return nil
	}
	return invalid("Serving signature name: %q not found in signature def", short(name)).WithHint("leave signature_name out, or say %s", known[0])
}

func (q *Question) readRows(instances []any, schema func() (*Schema, error)) error {
	q.Records = make([]retrain.Record, 0, len(instances))
	for i, v := range instances {
		what := fmt.Sprintf("instance %d", i+1)
		v, err := unwrapped(v)
		if err != nil {
			return invalid("%s: %w", what, err)
		}
		if v == nil {
			return invalid("%s is null", what)
		}
		if record, ok := v.(map[string]any); ok {
			err = q.addRecord(record, what, schema)
		} else {
			err = q.addValue(v, what, schema)
		}
		if err != nil {
			return err
		}
		if q.Window > 0 && len(q.Records) != (i+1)*q.Window {
			return invalid("%s: some instances are windows, and some are records", what)
		}
	}
	return nil
}

// addRecord adds an instance by name. One that has lists is a window of a time series.
func (q *Question) addRecord(record map[string]any, what string, schema func() (*Schema, error)) error {
	for name, v := range record {
		one, err := unwrapped(v)
		if err != nil {
			return invalid("%s: %w", what, err)
		}
		record[name] = one
	}
	if !hasList(record) {
		q.Records = append(q.Records, record)
		return nil
	}
	s, err := schema()
	if err != nil {
		return err
	}
	if !s.isWindow(record) {
		q.Records = append(q.Records, record)
		return nil
	}
	window, err := s.windowByName(record, what)
	q.Records, q.Window = append(q.Records, window...), s.Lookback
	return err
}

func hasList(record map[string]any) bool {
	for _, v := range record {
		if _, ok := v.([]any); ok {
			return true
		}
	}
	return false
}

// isWindow reports whether a record has, for what the version reads of a time series, lists in the place of values.
func (s *Schema) isWindow(record map[string]any) bool {
	if s.Lookback == 0 {
		return false
	}
	for i := range s.Fields {
		if _, ok := record[s.Fields[i].Name].([]any); ok {
			return true
		}
	}
	return false
}

// addValue adds an instance without names.
func (q *Question) addValue(v any, what string, schema func() (*Schema, error)) error {
	s, err := schema()
	if err != nil {
		return err
	}
	if s.Lookback > 0 {
		window, err := s.window(v, what)
		q.Records, q.Window = append(q.Records, window...), s.Lookback
		return err
	}
	r, err := s.byPosition(v, what)
	q.Records = append(q.Records, r)
	return err
}

// readColumns reads the column format: a list of values for each field, [rows] or [rows, lookback] of a time series. A list
// without names is one of rows.
func (q *Question) readColumns(inputs any, schema func() (*Schema, error)) error {
	inputs, err := unwrapped(inputs)
	if err != nil {
		return err
	}
	byName, ok := inputs.(map[string]any)
	if !ok {
		instances, ok := inputs.([]any)
		if !ok {
			return invalid(`"inputs" is neither an object nor a list`).WithHint("%s", exampleInputs)
		}
		return q.readRows(instances, schema)
	}
	s, err := schema()
	if err != nil {
		return err
	}
	var t columnTable
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if !s.field(name) {
			return s.unknown(name)
		}
		values, err := unwrapped(byName[name])
		if err != nil {
			return invalid("input %q: %w", short(name), err)
		}
		column, err := s.column(name, values)
		if err == nil {
			err = t.add(name, column)
		}
		if err != nil {
			return err
		}
	}
	q.Records, q.Window = t.records(), s.Lookback
	return nil
}

// column returns the values of a field, one for each record.
func (s *Schema) column(name string, v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, invalid("input %q is no list", short(name)).WithHint("%s", exampleInputs)
	}
	if s.Lookback == 0 {
		return scalars(name, list)
	}
	all := make([]any, 0, len(list)*s.Lookback)
	for i, v := range list {
		steps, _ := v.([]any)
		if len(steps) != s.Lookback {
			return nil, s.noWindow(fmt.Sprintf("input %q, row %d", short(name), i+1), len(steps))
		}
		steps, err := scalars(name, steps)
		if err != nil {
			return nil, err
		}
		all = append(all, steps...)
	}
	return all, nil
}

// scalars returns values of which none is a list; [5] is a 5.
func scalars(name string, list []any) ([]any, error) {
	for i, v := range list {
		one, ok := v.([]any)
		if !ok {
			continue
		}
		if len(one) != 1 {
			return nil, invalid("input %q: value %d is a list of %d", short(name), i+1, len(one))
		}
		list[i] = one[0]
	}
	return list, nil
}

// Answer returns what is written of the predictions. They must be finite.
func (q *Question) Answer(predictions []retrain.Prediction) any {
	values := Values(predictions)
	if q.style == bare || len(q.schema.classes()) == 0 {
		return map[string]any{map[style]string{bare: "predictions", rows: "predictions", columns: "outputs"}[q.style]: values}
	}
	probabilities := q.schema.distributions(predictions)
	if q.style == columns {
		return map[string]any{"outputs": map[string]any{"prediction": values, "probabilities": probabilities}}
	}
	list := make([]any, len(values))
	for i := range list {
		list[i] = map[string]any{"prediction": values[i], "probabilities": probabilities[i]}
	}
	return map[string]any{"predictions": list}
}

// distributions returns the classes' probabilities, in the order of the classes.
func (s *Schema) distributions(predictions []retrain.Prediction) [][]float64 {
	classes := s.classes()
	list := make([][]float64, len(predictions))
	for i, p := range predictions {
		list[i] = make([]float64, len(classes))
		for j, class := range classes {
			list[i][j] = p.Probabilities[class]
		}
	}
	return list
}

// Values returns what was predicted, and nothing else of it.
func Values(predictions []retrain.Prediction) []any {
	list := make([]any, len(predictions))
	for i, p := range predictions {
		list[i] = p.Prediction
	}
	return list
}
