package prep_test

import (
	"encoding/json"
	"iter"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

func TestRows(t *testing.T) {
	m := retrain.Model{
		Name: "price", Type: retrain.Regression, Features: []string{"cost", "twice", "kind"}, Target: retrain.Names{"price"},
		Filter: "price > 0", Map: map[string]string{"twice": "cost * 2"},
		Partition: &retrain.PartitionRef{Name: "byShop", Values: map[string]any{"shop": "a"}},
	}
	records := []retrain.Record{
		{"id": "1", "shop": "a", "cost": 1.5, "kind": "x", "price": 3.0},
		{"id": "2", "shop": "b", "cost": 1.0, "kind": "x", "price": 3.0},  // another shop
		{"id": "3", "shop": "a", "cost": 1.0, "kind": "x", "price": -1.0}, // filtered out
		{"id": "4", "shop": "a", "kind": "x", "price": 3.0},               // no cost, and so no twice
		{"id": "5", "shop": "a", "cost": 2.0, "kind": "y"},                // no target
	}
	want := `{"id":"1","features":{"cost":1.5,"kind":"x","twice":3},"target":3}`
	if got := rowsOf(t, m, records); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	m.OnMissing = "mean"
	want += ` {"id":"4","features":{"kind":"x"},"target":3}`
	if got := rowsOf(t, m, records); got != want {
		t.Errorf("with missing values filled in: got %s, want %s", got, want)
	}
	m.Map["twice"] = "len(cost)"
	for _, err := range prep.Rows(m, each(records)) {
		if err == nil || !strings.Contains(err.Error(), `record "1"`) {
			t.Errorf("got %v, want an error that names the record", err)
		}
		return
	}
	t.Error("no rows and no error")
}

func rowsOf(t *testing.T, m retrain.Model, records []retrain.Record) string {
	t.Helper()
	var lines []string
	for row, err := range prep.Rows(m, each(records)) {
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	return strings.Join(lines, " ")
}

func each(records []retrain.Record) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}
