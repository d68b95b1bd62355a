package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"retrain"
	"retrain/s3io"
)

// How long it may take to find out what the fields are: what is not compacted is read.
const fieldsPatience = 10 * time.Second

// fieldsFinding warns of fields that a model learns from and that have values of several kinds. It looks at what was inserted here;
// others' data would have to be read whole.
func (a *App) fieldsFinding(ctx context.Context) Finding {
	const name = "fields"
	ctx, cancel := context.WithTimeout(ctx, fieldsPatience)
	defer cancel()
	mixed, err := a.mixedFields(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Finding{Name: name, OK: true, Warning: true, Detail: "there is too much that is not compacted to look at it now", Hint: "the scheduler compacts: is one running?"}
	case err != nil:
		return finding(name, "", err)
	case len(mixed) > 0:
		return Finding{Name: name, OK: true, Warning: true, Detail: strings.Join(mixed, "; "),
			Hint: "records of the rarer kind may be left out of trainings: producer records RESOURCE --fields; producer update"}
	}
	return Finding{Name: name, OK: true, Detail: "of one kind each, where models learn from them"}
}

// mixedFields tells of each feature and target that has values of several kinds.
func (a *App) mixedFields(ctx context.Context) (mixed []string, err error) {
	specs, err := a.Specs.Specs(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string][]s3io.Field)
	for _, m := range specs.Models {
		r, err := a.Catalog.Resource(ctx, m.Resource)
		if err != nil {
			return nil, err
		}
		if !r.Native() {
			continue
		}
		fields, looked := known[r.Name]
		if !looked {
			if fields, err = a.Records.Fields(ctx, r.Name); err != nil {
				return nil, err
			}
			known[r.Name] = fields
		}
		for _, f := range fields {
			if f.Mixed() && learns(m, f.Name) {
				mixed = append(mixed, fmt.Sprintf("%s learns from %s.%s, which is %s", m.Name, r.Name, f.Name, kindsOf(&f)))
			}
		}
	}
	return mixed, nil
}

// learns reports whether a stored field is a feature or target of a model. One that the model's map makes anew is not.
func learns(m *retrain.Model, field string) bool {
	_, made := m.Map[field]
	return !made && (slices.Contains(m.Features, field) || slices.Contains(m.Target, field))
}

func kindsOf(f *s3io.Field) string {
	kinds := make([]string, len(f.Kinds))
	for i, k := range f.Kinds {
		kinds[i] = fmt.Sprintf("%d times %s", k.Values, k.Kind)
	}
	return strings.Join(kinds, ", ")
}
