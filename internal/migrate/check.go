package migrate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"retrain"
	"retrain/mlcore/prep"
)

// A Checked model is what a dry run saw of one.
type Checked struct {
	Model    string   `json:"model"`
	Resource string   `json:"resource"`
	Records  int      `json:"records"`            // of its resource, or of its partition
	Rows     int      `json:"rows"`               // that it would learn from
	Minimum  int      `json:"minTrainingSamples"` // that it needs
	Absent   []string `json:"absent,omitempty"`   // fields that no record has
	Problem  string   `json:"problem,omitempty"`  // why it would not learn
}

// A Reader reads the records of a resource.
type Reader interface {
	Snapshot(ctx context.Context, r retrain.Resource, p *retrain.PartitionRef) (retrain.Dataset, error)
	Tables(ctx context.Context, d retrain.Dataset) iter.Seq2[*retrain.Table, error]
}

// Check reads the records of each model as a training would, and returns what came of it. What is wrong with a model's data is
// in its answer; the error is one of reading.
func (p *Plan) Check(ctx context.Context, from Reader, begin func(model string)) ([]Checked, error) {
	answers := make([]Checked, 0, len(p.Models))
	for i := range p.Models {
		m := p.Models[i].WithDefaults()
		if p.Models[i].MinTrainingSamples == 0 && p.MinTrainingSamples > 0 {
			m.MinTrainingSamples = p.MinTrainingSamples
		}
		begin(m.Name)
		at := slices.IndexFunc(p.Resources, func(r retrain.Resource) bool { return r.Name == m.Resource })
		c, err := check(ctx, from, p.Resources[at], &m)
		if err != nil {
			return answers, err
		}
		answers = append(answers, c)
	}
	return answers, nil
}

func check(ctx context.Context, from Reader, r retrain.Resource, m *retrain.Model) (Checked, error) {
	c := Checked{Model: m.Name, Resource: m.Resource, Minimum: m.MinTrainingSamples}
	data, err := from.Snapshot(ctx, r, m.Partition)
	if err != nil {
		return c, err
	}
	needed := slices.Concat(m.Features, m.Target)
	if m.ModelConfig.OrderBy != "" {
		needed = append(needed, m.ModelConfig.OrderBy)
	}
	seen := make(map[string]bool)
	var failed error
	for _, err := range prep.Rows(*m, records(ctx, from, data, func(r retrain.Record) {
		c.Records++
		for _, field := range needed {
			seen[field] = seen[field] || r.At(field) != nil
		}
	}, &failed)) {
		if err != nil {
			if failed == nil {
				c.Problem = plainText(err)
			}
			break
		}
		c.Rows++
	}
	for _, field := range needed {
		if !seen[field] && m.Map[field] == "" && c.Records > 0 && !slices.Contains(c.Absent, field) {
			c.Absent = append(c.Absent, field)
		}
	}
	if c.Problem == "" && c.Rows < m.MinTrainingSamples {
		c.Problem = fmt.Sprintf("%d rows (minimum: %d)", c.Rows, m.MinTrainingSamples)
	}
	return c, failed
}

// records yields the records of a data set, each after look has seen it. What reading ends with is in failed as well, since it
// is no fault of a model.
func records(ctx context.Context, from Reader, d retrain.Dataset, look func(retrain.Record), failed *error) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		for table, err := range from.Tables(ctx, d) {
			if err != nil {
				*failed = err
				yield(nil, err)
				return
			}
			for r := range table.Records() {
				if look(r); !yield(r, nil) {
					return
				}
			}
		}
	}
}
