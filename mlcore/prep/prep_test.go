package prep_test

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

// blocks yields each slice of records as a table.
func blocks(all ...[]retrain.Record) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		for _, records := range all {
			if !yield(retrain.NewTable(records), nil) {
				return
			}
		}
	}
}

// regression is a valid model of price from the features.
func regression(features ...string) retrain.Model {
	return retrain.Model{Name: "m", Type: retrain.Regression, Resource: "r", Features: features, Target: retrain.Names{"price"}, MinTrainingSamples: 1}
}

// all is the setting to learn from every row.
func all(m retrain.Model) retrain.Model {
	m.ModelConfig.ValidationSplit = new(float64)
	return m
}

// rows makes records of one field each, with ids a, b, c, ... and prices 0, 1, 2, ...
func rows(field string, values ...any) []retrain.Record {
	var records []retrain.Record
	for i, v := range values {
		records = append(records, retrain.Record{"id": string(rune('a' + i)), field: v, "price": float64(i)})
	}
	return records
}

func prepare(t *testing.T, m retrain.Model, records []retrain.Record) (*prep.Preparation, *prep.Data) {
	t.Helper()
	p, d, err := prep.Prepare(m, blocks(records))
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

// record returns a row as it was read.
func record(d *prep.Data, row int) retrain.Record {
	r, err := d.Record(row)
	if err != nil {
		panic(err) // the tables are in memory
	}
	return r
}

// wantError checks an error's class and that its message contains a text.
func wantError(t *testing.T, err error, code retrain.Code, text string) {
	t.Helper()
	if !errors.Is(err, code) || !strings.Contains(err.Error(), text) {
		t.Errorf("got  %v\nwant %s … %s", err, code, text)
	}
}
