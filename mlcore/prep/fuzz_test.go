package prep_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"retrain"
	"retrain/mlcore/prep"
)

// Whatever is written as filter or map, and whatever the record: there is an answer or an error of ours, and the answer for
// a record is that for the same record in a table.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{`price > 0 && price < 10000`, `a.b.c == nil`, `$env["a b"] ?? 1`, `tags[0] in ["x"]`, `count(tags, # > 1) > 1`, `log(x) % 2 == 1`,
		`name matches "(a+)+$"`, `x?.y?.z`, `year(d) - 1 .. 3`, `{"a": x}.a`, `let a = 1; a`, `reduce(1..9, #acc + x)`, `"" == x`, `not in`, `x | string() | len()`, `date(d).Year() > 1`,
		`map(tags, .price)`, `get(x, "y")`, `-x ** 2`, `x ? y : z`, `repeat("x", 1e9)`, `1 in x`, `x.absent()`} {
		f.Add(text, `{"id":"1","x":1.5,"d":"2024-01-01","tags":["x",{"price":1}],"a":{"b":{"c":2}},"name":"aaa"}`)
	}
	f.Fuzz(func(t *testing.T, text, record string) {
		if len(text) > 300 || len(record) > 1000 {
			return
		}
		var r retrain.Record
		if json.Unmarshal([]byte(record), &r) != nil || r == nil {
			return
		}
		m := regression("made")
		m.Filter, m.Map = text, map[string]string{"made": text, "price": "1"}
		if m.Filter == "" || prep.Check(&m) != nil {
			return
		}
		n, err := prep.Accepts(&m, []retrain.Record{r})
		if err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Fatal(err)
		}
		_, d, tableErr := prep.Prepare(m, blocks([]retrain.Record{r}))
		if tableErr != nil && !errors.Is(tableErr, retrain.DataValidationError) {
			t.Fatal(tableErr)
		}
		if err == nil && tableErr == nil && d.Rows+d.Skipped != n {
			t.Fatalf("%d accepted as a record, %d and %d skipped as a table", n, d.Rows, d.Skipped)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2024-05-01", "2024-05", "2024-05-01T12:00:00Z", "2024-05-01t12:00:00.25+02:00", "2024-13", "0000-01", "９９９９-01", "2024-05-01 12:00:00", "2024-05-01T12:00:00", "2024-05-01 12:00:00.5-01:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := prep.ParseDate(s)
		if !ok {
			return
		}
		if got.Location() != time.UTC || got.Year() < -1 || got.Year() > 10_000 {
			t.Fatalf("%q: %v", s, got)
		}
		if again, ok := prep.ParseDate(got.Format(time.RFC3339Nano)); got.Year() >= 0 && got.Year() <= 9999 && (!ok || !again.Equal(got)) {
			t.Fatalf("%q: %v, and again %v", s, got, again)
		}
	})
}

func FuzzEncode(f *testing.F) {
	f.Add(`{"x":1,"level":"a","day":"2024-01"}`)
	f.Add(`{"x":"1e308","level":null,"day":1e300}`)
	f.Add(`{"x":[],"level":{},"day":true}`)
	m := all(regression("x", "level", "day"))
	m.ModelConfig.Polynomial = 3
	records := rows("x", 1.0, 2.0)
	for i, r := range records {
		r["level"], r["day"] = "ab"[i:i+1], "2024-01"
	}
	p, _, err := prep.Prepare(m, blocks(records))
	if err != nil {
		f.Fatal(err)
	}
	e := encoder(f, p)
	f.Fuzz(func(t *testing.T, record string) {
		var r retrain.Record
		if json.Unmarshal([]byte(record), &r) != nil {
			return
		}
		x := make([]float32, e.Width())
		err := e.Encode([]retrain.Record{r}, x)
		if err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Fatal(err)
		}
		for _, v := range x {
			if err == nil && (math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)) {
				t.Fatalf("%s becomes %v", record, x)
			}
		}
	})
}
