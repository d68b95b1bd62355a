package prep

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"retrain"
)

// A selection decides which records a model learns, and computes its mapped fields. All expressions of map see the record as
// it was stored, not each other's results.
type selection struct {
	model     string
	partition *retrain.PartitionRef
	filter    *program // nil: every record
	maps      []mapping
	evaluator
}

// A mapping is one field that an expression makes.
type mapping struct {
	field string
	*program
}

// newSelection compiles a model's expressions. Its errors are ModelConfigErrors.
func newSelection(m *retrain.Model) (*selection, error) {
	s := &selection{model: m.Name, partition: m.Partition}
	if m.Filter != "" {
		p, err := compile(m.Filter)
		if err == nil && !p.isBool() {
			err = errors.New("it does not give true or false")
		}
		if err != nil {
			return nil, wrong(m, "filter", "%q: %w", m.Filter, err)
		}
		s.filter = p
	}
	for _, field := range slices.Sorted(maps.Keys(m.Map)) {
		p, err := compile(m.Map[field])
		if err != nil {
			return nil, wrong(m, "map."+field, "%q: %w", m.Map[field], err)
		}
		s.maps = append(s.maps, mapping{field, p})
	}
	return s, nil
}

// Accepts returns how many of the records the model learns: those of its partition for which its filter is true. A filter
// that compares a field which a record lacks is false; one that cannot be evaluated otherwise is a DataValidationError that
// names the record.
func Accepts(m *retrain.Model, records []retrain.Record) (int, error) {
	if m.Filter == "" && m.Partition == nil {
		return len(records), nil
	}
	s, err := newSelection(&retrain.Model{Name: m.Name, Partition: m.Partition, Filter: m.Filter})
	if err != nil {
		return 0, err
	}
	n := 0
	for i, r := range records {
		if s.partition != nil && !s.partition.In(r) {
			continue
		}
		ok, err := s.accepts(r.At)
		if err != nil {
			return 0, invalid("%s: %w", recordName(r.ID(), i), err)
		}
		if ok {
			n++
		}
	}
	return n, nil
}

// accepts evaluates the filter.
func (s *selection) accepts(at func(string) any) (bool, error) {
	if s.filter == nil {
		return true, nil
	}
	v, err := s.run(s.filter, at)
	if errors.Is(err, errAbsent) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("model %q: filter %q: %w", s.model, s.filter.text, err)
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	}
	return false, fmt.Errorf("model %q: filter %q gives %s, not true or false", s.model, s.filter.text, cellOf(v))
}

// value evaluates a mapping; nothing where it computes with a missing field.
func (s *selection) value(m *mapping, at func(string) any) (cell, error) {
	v, err := s.run(m.program, at)
	if errors.Is(err, errAbsent) {
		return cell{}, nil
	} else if err != nil {
		return cell{}, fmt.Errorf("model %q: map %s: %q: %w", s.model, m.field, m.text, err)
	}
	return cellOf(v), nil
}

// recordName names a record in errors: by its id, else by its place, counted from 1.
func recordName(id string, i int) string {
	if id == "" {
		return "record " + strconv.Itoa(i+1)
	}
	return "record " + strconv.Quote(id)
}

// invalid returns a DataValidationError.
func invalid(format string, args ...any) *retrain.Error {
	return retrain.Errorf(retrain.DataValidationError, format, args...)
}

// wrong returns a ModelConfigError that names the model and the key.
func wrong(m *retrain.Model, key, format string, args ...any) *retrain.Error {
	return retrain.Errorf(retrain.ModelConfigError, "model %q: %s: "+format, append([]any{m.Name, key}, args...)...)
}
