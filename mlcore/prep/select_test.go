package prep_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

// product is a record as JSON decodes it.
var product = retrain.Record{
	"id": "p1", "price": 12.5, "count": 3.0, "name": "blue kite", "new": true, "empty": "", "none": nil, "createdAt": "2024-02-29T13:45:00Z",
	"made": "2023-12", "at": 1709214300.0, "atMs": 1709214300000.0, "year": 1999.0, "size": map[string]any{"width": 2.0, "unit": "cm"}, "tags": []any{"toy", "wind"},
	"a b": 7.0, "preço": 5.0, "dotted.name": 1.0,
}

func TestFilter(t *testing.T) {
	for _, test := range []struct {
		filter string
		want   bool
	}{
		{`price > 0 && price < 10000`, true},
		{`price > 20`, false},
		{`price >= 12.5 and not new`, false},
		{`count == 3`, true},
		{`count in [1, 2, 3]`, true},
		{`count in [1, 2]`, false},
		{`count in 1..5`, true},
		{`name in ["blue kite", "red kite"]`, true},
		{`count % 2 == 1`, true},
		{`name contains "kite" && name startsWith "blue"`, true},
		{`name matches "^b.*e$"`, true},
		{`size.width > 1 && size.unit == "cm"`, true},
		{`size["width"] == 2`, true},
		{`"toy" in tags`, true},
		{`tags[0] == "toy"`, true},
		{`any(tags, # == "wind")`, true},
		{`len(tags) == 2`, true},
		{`$env["a b"] == 7`, true},
		{`preço == 5`, true},
		{`dotted.name == 1`, true},
		{`year > 1990 && year(createdAt) == 2024`, true}, // a field and a function of one name
		{`abs(-price) + floor(1.5) + ceil(0.5) + round(1.4) + min(1, 2) + max(1, 2) == 18.5`, true},
		{`log(exp(2)) > 1.99 && log10(1000) > 2.99 && sqrt(16) == 4 && pow(2, 10) == 1024`, true},
		{`sin(0) == 0 && cos(0) == 1 && tanh(0) == 0`, true},
		{`month(createdAt) == 2 && day(createdAt) == 29 && hour(createdAt) == 13 && weekday(createdAt) == 4`, true},
		{`year(made) == 2023 && month(made) == 12 && day(made) == 1`, true},
		{`year(at) == 2024 && year(atMs) == 2024 && hour(atMs) == 13`, true},

		// what a record lacks
		{`demand > 0`, false},
		{`demand < 0`, false},
		{`demand == 5`, false},
		{`demand != 5`, false},
		{`not (demand == 5)`, false},
		{`demand in [1]`, false},
		{`demand not in [1]`, false},
		{`not (demand in [1])`, false},
		{`demand + 1 > 0`, false},
		{`-demand < 1`, false},
		{`log(demand) < 1`, false},
		{`year(demand) > 0`, false},
		{`demand == supply`, false},
		{`demand contains "x"`, false},
		{`not (demand contains "x")`, false},
		{`demand`, false},
		{`not demand`, false},
		{`size.height > 0`, false},
		{`price.of.what > 0`, false},
		{`none > 1`, false},
		{`empty == "x"`, false},
		{`empty != "x"`, false},
		{`demand == nil`, true},
		{`demand != nil`, false},
		{`price != nil && price == 12.5`, true},
		{`empty == nil && empty == "" && none == nil`, true},
		{`name != ""`, true},
		{`(demand ?? 5) == 5`, true},
		{`demand == nil || demand > 3`, true},
		{`price > 1 || demand > 1`, true}, // the second is not looked at
		{`demand > 1 || price > 1`, false},
		{`size?.height == nil`, true},
		{`size?.width == 2`, true},
	} {
		m := regression("x")
		m.Filter = test.filter
		n, err := prep.Accepts(&m, []retrain.Record{product})
		if err != nil || (n == 1) != test.want {
			t.Errorf("%s: got %d, %v, want %t", test.filter, n, err, test.want)
		}
	}
}

// Table and record see the same: the filter of an insert counts what the training will learn.
func TestFilterOfTables(t *testing.T) {
	others := []retrain.Record{{"id": "1"}, {"id": "2", "price": "12", "size": "big", "dotted": map[string]any{"name": 1.0}}, product}
	for _, filter := range []string{`price == "12"`, `size.unit == "cm"`, `"toy" in tags`, `dotted.name == 1`, `new`, `name == nil`, `count == 3`} {
		m := all(regression("x"))
		m.Filter, m.Map = filter, map[string]string{"x": "1", "price": "2"}
		n, err := prep.Accepts(&m, others)
		if err != nil {
			t.Fatal(filter, err)
		}
		_, d := prepare(t, m, others)
		if d.Rows != n {
			t.Errorf("%s: %d records are accepted, %d rows", filter, n, d.Rows)
		}
	}
}

func withMap(m retrain.Model, more map[string]string) retrain.Model {
	m.Map = map[string]string{"x": "1", "price": "2"}
	maps.Copy(m.Map, more)
	return m
}

func TestFilterErrors(t *testing.T) {
	long := maps.Clone(product)
	long["long"] = slices.Repeat([]any{1.0}, 1000)
	for _, test := range []struct{ filter, want string }{
		{`price > "abc"`, `record "p1": model "m": filter "price > \"abc\"": `},
		{`name + 1 > 2`, `name is "blue kite"`},
		{`price`, `gives 12.5, not true or false`},
		{`log(name) > 1`, `log: "blue kite" is not a number`},
		{`year(name) > 1`, `year: "blue kite" is not a date`},
		{`tags[7] == "x"`, `out of range`},
		{`log(1, 2) > 1`, `log takes 1 arguments, not 2`},
		{`len(map(1..99999, map(1..99999, #))) > 1`, `would go round more than 10,000,000 times`},
		{`all(1..len(tags), any(1..len(tags), # > 0))`, `would go round more than 10,000,000 times`},
		{`all(long, any(long, none(long, # > 0)))`, `would go round more than 10,000,000 times`},
		{`len(map(1..99999, [#, #])) > 1`, `memory budget exceeded`},
	} {
		m := regression("x")
		m.Filter = test.filter
		_, err := prep.Accepts(&m, []retrain.Record{long})
		wantError(t, err, retrain.DataValidationError, test.want)
		_, _, err = prep.Prepare(m, blocks([]retrain.Record{long}))
		wantError(t, err, retrain.DataValidationError, test.want)
	}
}

func TestAcceptsPartition(t *testing.T) {
	m := regression("x")
	m.Partition = &retrain.PartitionRef{Name: "byRegion", Values: map[string]any{"region": "north", "size.unit": "cm"}}
	m.Filter = "price > 1"
	records := []retrain.Record{
		{"id": "1", "region": "north", "price": 2.0, "size": map[string]any{"unit": "cm"}},
		{"id": "2", "region": "south", "price": 2.0, "size": map[string]any{"unit": "cm"}},
		{"id": "3", "region": "north", "price": 1.0, "size": map[string]any{"unit": "cm"}},
		{"id": "4", "region": "north", "price": "?"},
		{"id": "5", "region": "north", "price": 9.0, "size": map[string]any{"unit": "cm"}},
	}
	if n, err := prep.Accepts(&m, records); n != 2 || err != nil {
		t.Errorf("got %d, %v, want 2", n, err)
	}
	m.Map = map[string]string{"x": "1"}
	if _, d := prepare(t, m, records); d.Rows != 2 || d.Read != 5 {
		t.Errorf("got %d rows of %d, want 2 of 5", d.Rows, d.Read)
	}
}

func TestMap(t *testing.T) {
	for _, test := range []struct {
		expression string
		want       float64 // NaN: missing
	}{
		{`price * 2`, 25},
		{`log(price)`, math.Log(12.5)},
		{`demand * 2`, math.NaN()},
		{`demand ?? 4`, 4},
		{`x + 1`, 43}, // the record's own x, not the result
		{`y + 1`, math.NaN()},
		{`new`, 1},
		{`len(name)`, 9},
		{`hour(createdAt)`, 13},
		{`name == "blue kite" ? 3 : nosuch`, 3},
		{`date(createdAt)`, 1709214300},
		{`createdAt`, 1709214300},
	} {
		m := all(withMap(regression("x"), map[string]string{"x": test.expression, "y": "1"}))
		m.OnMissing = "mean"
		r := retrain.Record{"x": 42.0}
		maps.Copy(r, product)
		other := retrain.Record{"id": "o", "demand": 1.0, "y": 2.0, "price": 1.0, "count": 0.0, "new": false, "x": 0.0, "createdAt": "1970-01-01", "name": "x", "nosuch": 3.0}
		p, d := prepare(t, m, []retrain.Record{r, other, other})
		e, err := p.Encoder()
		if err != nil {
			t.Fatal(test.expression, err)
		}
		raw, err := e.Raw([]retrain.Record{r})
		if err != nil {
			t.Fatal(test.expression, err)
		}
		got := math.NaN()
		if p.Features[0].Missing == 0 && raw[0].Numbers != nil {
			got = raw[0].Numbers[0]
		}
		if d.Rows != 3 || (got != test.want && !(math.IsNaN(got) && math.IsNaN(test.want))) {
			t.Errorf("%s: got %v, want %v", test.expression, got, test.want)
		}
	}
}

func TestMapErrors(t *testing.T) {
	for _, test := range []struct{ expression, want string }{
		{`name + 1`, `record "p1": model "m": map x: "name + 1"`},
		{`log(0)`, `feature x is -Inf, which cannot be learnt from (record "p1")`},
		{`sqrt(-1)`, `feature x is NaN`},
		{`1 / 0`, `feature x is +Inf`},
		{`tags`, `feature x: ["toy","wind"] is no number, boolean, date or text`},
		{`filter(tags, false)`, `feature x: [] is no number`},
	} {
		m := withMap(regression("x"), map[string]string{"x": test.expression})
		_, _, err := prep.Prepare(m, blocks([]retrain.Record{product, {"id": "q"}}))
		wantError(t, err, retrain.DataValidationError, test.want)
	}
}
