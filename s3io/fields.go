package s3io

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"retrain"
)

// A Field says what values a field has.
type Field struct {
	Name  string      `json:"name"`
	Kinds []FieldKind `json:"kinds"` // the commonest first
}

// A FieldKind says how many of a field's values are of one kind, and between which times they were inserted. For values that were
// compacted these are the times of the whole segment: the first came no earlier than From, and the last no later than To.
type FieldKind struct {
	Kind   string    `json:"kind"` // number, boolean, text, json (an object or a list) or null
	Values int       `json:"values"`
	From   time.Time `json:"from,omitzero"` // zero where a source does not know
	To     time.Time `json:"to,omitzero"`
}

// Mixed reports whether a field has values of several kinds, of which null is none.
func (f *Field) Mixed() bool {
	kinds := 0
	for _, k := range f.Kinds {
		if k.Kind != kindNames[kindOf(nullCell)] {
			kinds++
		}
	}
	return kinds > 1
}

// Fields returns the fields of a resource's records, by name. What was compacted is told by the index; only the batches beside it are
// read. Values that were replaced since count as long as they are stored.
func (r *Records) Fields(ctx context.Context, resource string) ([]Field, error) {
	v, err := r.view(ctx, resource)
	if err != nil {
		return nil, err
	}
	sum := make(fieldSums)
	for i := range v.Segments {
		sum.segment(&v.Segments[i])
	}
	d := v.dataset(resource, nil)
	d.Objects = slices.DeleteFunc(d.Objects, func(o retrain.DataObject) bool { return isSegment(&o) })
	parts, err := all(ctx, len(d.Objects), decodes, func(ctx context.Context, i int) (fieldSums, error) {
		return r.fieldsOf(ctx, d.Objects[i])
	})
	for _, part := range parts {
		for name, kinds := range part {
			for _, k := range kinds {
				sum.add(name, k)
			}
		}
	}
	return sum.fields(), err
}

// fieldsOf reads an object of the log.
func (r *Records) fieldsOf(ctx context.Context, o retrain.DataObject) (fieldSums, error) {
	body, err := r.fetch(ctx, o)
	if err != nil {
		return nil, err
	}
	sum := make(fieldSums)
	p := &part{object: o}
	err = p.each(body, p.asked, true, func(b *batchHead, c *columns) error {
		for _, col := range c.all {
			sum.column(&col.Column, b.At)
		}
		return nil
	})
	return sum, err
}

// Fields returns the fields of a resource's records, by name. Of other sources than the native one all records are read, and nobody
// knows when they came.
func (s *Sources) Fields(ctx context.Context, r retrain.Resource) ([]Field, error) {
	if records, ok := s.Native.(*Records); ok && r.Native() {
		return records.Fields(ctx, r.Name)
	}
	d, err := s.Snapshot(ctx, r, nil)
	if err != nil {
		return nil, err
	}
	sum := make(fieldSums)
	for t, err := range s.Tables(ctx, d) {
		if err != nil {
			return nil, err
		}
		for i := range t.Columns {
			sum.column(&t.Columns[i], time.Time{})
		}
	}
	return sum.fields(), nil
}

// fieldSums are kinds by field and kind.
type fieldSums map[string]map[string]FieldKind

func (f fieldSums) add(name string, k FieldKind) {
	if k.Kind == kindNames[kindOf(exactCell)] {
		k.Kind = kindNames[retrain.Number]
	}
	if f[name] == nil {
		f[name] = make(map[string]FieldKind)
	}
	had, ok := f[name][k.Kind]
	if ok {
		k.Values += had.Values
		k.To = later(k.To, had.To)
		if had.From.Before(k.From) {
			k.From = had.From
		}
	}
	f[name][k.Kind] = k
}

func (f fieldSums) segment(s *segmentEntry) {
	for name, kinds := range s.Fields {
		for kind, n := range kinds {
			f.add(name, FieldKind{Kind: kind, Values: n, From: s.From, To: s.To})
		}
	}
}

func (f fieldSums) column(c *retrain.Column, at time.Time) {
	var counts [cellKinds]int
	for _, cell := range c.Cells {
		counts[kindOf(cell)]++
	}
	for kind, n := range counts {
		if n > 0 && kind != int(retrain.Missing) {
			f.add(c.Name, FieldKind{Kind: kindNames[kind], Values: n, From: at, To: at})
		}
	}
}

func (f fieldSums) fields() []Field {
	list := make([]Field, 0, len(f))
	for _, name := range slices.Sorted(maps.Keys(f)) {
		kinds := slices.SortedFunc(maps.Values(f[name]), func(a, b FieldKind) int {
			return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Kind, b.Kind))
		})
		list = append(list, Field{Name: name, Kinds: kinds})
	}
	return list
}
