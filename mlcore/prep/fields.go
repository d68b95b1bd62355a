package prep

import "slices"

// A Field is what a prediction reads from a record, by its path.
type Field struct {
	Name string
	Form Form // "" of a field that only an expression reads: it may be of any form
}

// Fields returns what a prediction reads from a record, each field once: the features in their order, and in the place of one that
// map makes, the fields that its expression reads. A ModelConfigError says that an expression does not compile.
func (p *Preparation) Fields() ([]Field, error) {
	e, err := p.Encoder()
	if err != nil {
		return nil, err
	}
	var fields []Field
	add := func(f Field) {
		if !slices.ContainsFunc(fields, func(have Field) bool { return have.Name == f.Name }) {
			fields = append(fields, f)
		}
	}
	for i, f := range p.Features {
		if e.made[i] == nil {
			add(Field{f.Name, f.Form})
		}
	}
	for i := range p.Features {
		if made := e.made[i]; made != nil {
			for _, name := range made.fields {
				add(Field{Name: name})
			}
		}
	}
	return fields, nil
}
