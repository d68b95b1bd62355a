package prep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"retrain"
)

// An Encoder prepares the records of predictions. Any number of goroutines may use it.
type Encoder struct {
	*Preparation
	levels  []map[string]int // [features], of the categories
	fill    []cell           // [features], for what is missing; Missing: it must be there
	made    []*program       // [features], of those that map makes
	readers sync.Pool        // of *recordReader
	index   map[string]int   // of the features, by name
	keys    []string         // [features], their names in quotes and a colon
	flat    bool             // every feature is a field of the record itself
}

// A recordReader reads the features of one record after the other.
type recordReader struct {
	evaluator
	record retrain.Record
	at     func(path string) any // of the record
	cells  []cell                // [features], of the record
}

// Encoder returns the encoder of a preparation, also of one that was read from a manifest. A ModelConfigError says that an
// expression does not compile.
func (p *Preparation) Encoder() (*Encoder, error) {
	n := len(p.Features)
	e := &Encoder{Preparation: p, levels: make([]map[string]int, n), fill: make([]cell, n), made: make([]*program, n)}
	e.index, e.keys, e.flat = p.plainFeatures()
	e.readers.New = func() any {
		r := &recordReader{cells: make([]cell, n)}
		r.at = func(path string) any { return r.record.At(path) }
		return r
	}
	for i := range p.Features {
		f := &p.Features[i]
		e.levels[i], e.fill[i] = indexOf(f.Levels), f.fill(p.OnMissing)
		if text, ok := p.Map[f.Name]; ok {
			code, err := compile(text)
			if err != nil {
				return nil, retrain.Errorf(retrain.ModelConfigError, "map.%s: %q: %w", f.Name, text, err)
			}
			e.made[i] = code
		}
	}
	return e, nil
}

// indexOf returns the place of each name; nil for none.
func indexOf(names []string) map[string]int {
	if len(names) == 0 {
		return nil
	}
	index := make(map[string]int, len(names))
	for i, name := range names {
		index[name] = i
	}
	return index
}

// fill returns what stands for a missing value, which is nothing where the rule wants it to be there. By the rule mean it is
// the mean, and of levels and booleans what most rows have; by the rule zero it is 0, false or none of the levels, and of
// dates, which have no zero, the mean.
func (f *Feature) fill(rule string) cell {
	number := func(n float64) cell { return cell{kind: retrain.Number, number: n} }
	switch {
	case rule == "mean" && f.Form == Category && len(f.Levels) > 0:
		most := 0
		for i, n := range f.Counts {
			if n > f.Counts[most] {
				most = i
			}
		}
		return cell{kind: retrain.Text, text: f.Levels[most]}
	case rule == "mean" && f.Form == Boolean:
		return number(math.Round(f.Mean))
	case rule == "mean", rule == "zero" && f.Form == Date:
		return number(f.Mean)
	case rule == "zero" && f.Form == Category:
		return cell{kind: retrain.Text} // the empty text is never a level: no column is 1
	case rule == "zero":
		return number(0)
	}
	return cell{}
}

// Fill returns what stands for a missing value of f by the preparation's rule, before scaling: a number, or the text of a
// category. It is false where the value must be there.
func (p *Preparation) Fill(f *Feature) (number float64, text string, ok bool) {
	v := f.fill(p.OnMissing)
	return v.number, v.text, v.kind != retrain.Missing
}

// Encode writes the records into x, which is [len(records), Width()], as training encoded its own. Errors are
// DataValidationErrors: "Missing features: demand", with all that are missing, or "feature cost: "abc" is not a number".
func (e *Encoder) Encode(records []retrain.Record, x []float32) error {
	w := e.Width()
	if len(x) != len(records)*w {
		return fmt.Errorf("encode %d records of %d columns into %d numbers", len(records), w, len(x))
	}
	return e.each(records, func(i int, cells []cell) ([]string, error) { return e.row(x[i*w:(i+1)*w], cells) })
}

// each calls do for every record with its features; do returns the names of those that are missing.
func (e *Encoder) each(records []retrain.Record, do func(i int, cells []cell) ([]string, error)) error {
	r, _ := e.readers.Get().(*recordReader) // the pool has nothing else
	defer e.readers.Put(r)
	for i := range records {
		r.record = records[i]
		missing, err := []string(nil), e.read(r)
		if err == nil {
			missing, err = do(i, r.cells)
		}
		if err == nil && len(missing) > 0 {
			err = errors.New("Missing features: " + strings.Join(missing, ", "))
		}
		switch {
		case err == nil:
		case len(records) == 1:
			return invalid("%w", err)
		default:
			return invalid("%w (%s)", err, recordName(r.record.ID(), i))
		}
	}
	return nil
}

// read fills in the reader's cells.
func (e *Encoder) read(r *recordReader) error {
	for i := range e.Features {
		name := e.Features[i].Name
		if e.made[i] == nil {
			r.cells[i] = cellOf(r.record.At(name))
			continue
		}
		v, err := r.run(e.made[i], r.at)
		if err != nil && !errors.Is(err, errAbsent) {
			return fmt.Errorf("feature %s: %q: %w", name, e.made[i].text, err)
		}
		r.cells[i] = cellOf(v)
	}
	return nil
}

// row encodes the features of one record into x, [width], and returns the names of those that are missing.
func (e *Encoder) row(x []float32, cells []cell) (missing []string, err error) {
	rest := x
	for i := range e.Features {
		if e.Features[i].put(rest, &cells[i]) {
			rest = rest[1:]
			continue
		}
		w := e.Features[i].Width()
		if v, ok := e.filled(i, cells[i]); !ok {
			missing = append(missing, e.nameOf(i))
		} else if err := e.place(rest[:w], i, v); err != nil {
			return nil, err
		}
		rest = rest[w:]
	}
	if !e.multiply(x) {
		return nil, errors.New("a polynomial term is too large: the features are too far from what training saw")
	}
	return missing, nil
}

// put encodes what is most common, a number where one is wanted. It reports false, and does nothing, for all else.
func (f *Feature) put(x []float32, v *cell) bool {
	if f.Form != Numeric || v.kind != retrain.Number || !finite(v.number) {
		return false
	}
	n := scale(v.number+0, f.Min, f.Max) // of the two zeros the positive one, see number
	if n-n != 0 {                        // too far away
		return false
	}
	x[0] = n
	return true
}

// nameOf names a feature that is missing, with the fields that it is made of.
func (e *Encoder) nameOf(feature int) string {
	name := e.Features[feature].Name
	if p := e.made[feature]; p != nil && len(p.fields) > 0 {
		return fmt.Sprintf("%s (made of %s)", name, strings.Join(p.fields, ", "))
	}
	return name
}

// filled returns v, or what stands for it where it is missing, and false where nothing does.
func (e *Encoder) filled(feature int, v cell) (cell, bool) {
	if v.kind == retrain.Missing {
		v = e.fill[feature]
	}
	return v, v.kind != retrain.Missing
}

// place encodes a value into the columns of its feature.
func (e *Encoder) place(x []float32, feature int, v cell) error {
	f := &e.Features[feature]
	if f.Form == Category {
		if v.kind == retrain.JSON {
			return fmt.Errorf("feature %s: %s is not a text", f.Name, v)
		}
		clear(x)
		if i, ok := e.levels[feature][v.label()]; ok {
			x[i] = 1
		}
		return nil
	}
	n, _, err := f.number(v)
	if err != nil {
		return err
	}
	if x[0] = float32(n); f.Form != Boolean {
		x[0] = scale(n, f.Min, f.Max)
	}
	if math.IsInf(float64(x[0]), 0) {
		return fmt.Errorf("feature %s: %s is too far from what training saw, %s to %s", f.Name, v, numberText(f.Min), numberText(f.Max))
	}
	return nil
}

// A Raw is one feature of several records before scaling, as the SavedModel's serving_default takes it.
type Raw struct {
	Name    string
	Form    Form
	Numbers []float64 // [records]; dates as Unix seconds, booleans as 0 and 1; nil for a category
	Texts   []string  // [records] of a category; "" where a missing level is none
}

// Raw returns the features of records, mapped and with what is missing filled in, in the order of Features. Its errors are
// those of Encode.
func (e *Encoder) Raw(records []retrain.Record) ([]Raw, error) {
	raw := make([]Raw, len(e.Features))
	for i, f := range e.Features {
		raw[i] = Raw{Name: f.Name, Form: f.Form}
	}
	err := e.each(records, func(_ int, cells []cell) (missing []string, err error) {
		for i := range raw {
			v, ok := e.filled(i, cells[i])
			if !ok {
				missing = append(missing, e.nameOf(i))
			} else if err := raw[i].add(&e.Features[i], v); err != nil {
				return nil, err
			}
		}
		return missing, nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Clip(raw), nil
}

func (r *Raw) add(f *Feature, v cell) error {
	if f.Form == Category {
		if v.kind == retrain.JSON {
			return fmt.Errorf("feature %s: %s is not a text", f.Name, v)
		}
		r.Texts = append(r.Texts, v.label())
		return nil
	}
	n, _, err := f.number(v)
	r.Numbers = append(r.Numbers, n)
	return err
}
