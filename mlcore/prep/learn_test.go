package prep_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore/prep"
)

func TestForms(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []any
		form   prep.Form
		width  int
		want   string // of an error
	}{
		{"numbers", []any{1.0, 2.5, -3.0}, prep.Numeric, 1, ""},
		{"booleans", []any{true, false, true}, prep.Boolean, 1, ""},
		{"numbers and booleans", []any{1.0, false, 7.0}, prep.Numeric, 1, ""},
		{"numbers, some as text", []any{1.0, "2.5", "-3e2"}, prep.Numeric, 1, ""},
		{"texts", []any{"b", "a", "b"}, prep.Category, 2, ""},
		{"texts that look like numbers", []any{"01234", "80331"}, prep.Category, 2, ""}, // postal codes
		{"days", []any{"2024-01-31", "1970-01-01"}, prep.Date, 1, ""},
		{"months", []any{"1949-01", "1949-02"}, prep.Date, 1, ""},
		{"moments", []any{"2024-01-31T10:00:00Z", "2024-01-31T10:00:00.5+02:00"}, prep.Date, 1, ""},
		{"dates of all kinds", []any{"2024-01-31", "2024-01", "2024-01-31T10:00:00Z"}, prep.Date, 1, ""},
		{"moments as databases write them", []any{"2024-01-31 10:00:00", "2024-01-31 10:00:00.123", "2024-01-31 10:00:00+00:00"}, prep.Date, 1, ""},
		{"no such day", []any{"2024-02-30", "2024-02-31"}, prep.Category, 2, ""},
		{"empty texts are missing", []any{"", "b", nil}, prep.Category, 1, ""},
		{"unicode", []any{"größe", "大きい", "🪁"}, prep.Category, 3, ""},
		{"constant", []any{3.0, 3.0}, prep.Numeric, 1, ""},
		{"numbers and text", []any{1.0, "n/a", 3.0, 4.0}, "", 0, `feature x is a number in 3 rows and a text in 1: "n/a" in record "b"`},
		{"dates and text", []any{"2024-01-31", "soon"}, "", 0, `feature x is a `},
		{"dates and numbers", []any{"2024-01-31", 3.0, 4.0}, "", 0, `a date in 1: "2024-01-31" in record "a"`},
		{"booleans and text", []any{true, "yes", true}, "", 0, `a text in 1: "yes" in record "b"`},
		{"objects", []any{map[string]any{"a": 1.0}}, "", 0, `feature x: {"a":1} is no number, boolean, date or text (record "a")`},
		{"nothing", []any{nil, ""}, "", 0, `no record has the field x`},
		{"NaN", []any{1.0, math.NaN()}, "", 0, `feature x is NaN, which cannot be learnt from (record "b")`},
		{"infinite", []any{1.0, 2.0, math.Inf(-1)}, "", 0, `feature x is -Inf, which cannot be learnt from (record "c")`},
		{"too large for float32", []any{1.0, 1e39}, "", 0, `feature x is 1e+39, which cannot be learnt from (record "b")`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := all(regression("x"))
			m.OnMissing = "mean"
			p, d, err := prep.Prepare(m, blocks(rows("x", test.values...)))
			if test.want != "" {
				wantError(t, err, retrain.DataValidationError, test.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f := p.Features[0]; f.Form != test.form || d.Width != test.width || d.Rows != len(test.values) {
				t.Errorf("got %s of %d columns in %d rows, want %s of %d in %d", f.Form, d.Width, d.Rows, test.form, test.width, len(test.values))
			}
		})
	}
}

func TestScaling(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []any
		want   []float32
	}{
		{"numbers", []any{10.0, 20.0, 15.0}, []float32{0, 1, .5}},
		{"constant", []any{7.0, 7.0}, []float32{0, 0}},
		{"booleans", []any{true, false}, []float32{1, 0}},
		{"always true", []any{true, true}, []float32{1, 1}},
		{"levels, sorted", []any{"b", "a", "b"}, []float32{0, 1, 1, 0, 0, 1}},
		{"months", []any{"1970-01", "1970-03", "1970-02"}, []float32{0, 1, float32(31. / 59)}},
		{"far apart", []any{-3e38, 3e38, 0.0}, []float32{0, 1, .5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, d := prepare(t, all(regression("x")), rows("x", test.values...))
			if !slices.Equal(d.X, test.want) {
				t.Errorf("got %v, want %v", d.X, test.want)
			}
		})
	}
}

// The holdout must not be known to the scales, the levels and the means.
func TestLearntFromTrainingRowsOnly(t *testing.T) {
	var records []retrain.Record
	for i := range 100 {
		records = append(records, retrain.Record{"id": fmt.Sprint(i), "x": float64(i), "level": fmt.Sprintf("%02d", i), "price": float64(-i)})
	}
	p, d := prepare(t, regression("x", "level"), records)
	if len(d.Train) != 80 || len(d.Holdout) != 20 {
		t.Fatalf("got %d and %d rows, want 80 and 20", len(d.Train), len(d.Holdout))
	}
	low, high := record(d, 0)["x"].(float64), record(d, 79)["x"].(float64)
	if f := p.Features[0]; f.Min != low || f.Max != high {
		t.Errorf("got %v to %v, want %v to %v", f.Min, f.Max, low, high)
	}
	if target := p.Targets[0]; target.Min != -high || target.Max != -low {
		t.Errorf("got target %v to %v, want %v to %v", target.Min, target.Max, -high, -low)
	}
	if n := len(p.Features[1].Levels); n != 80 {
		t.Errorf("got %d levels, want 80", n)
	}
	for _, row := range d.Holdout {
		if level := d.X[int(row)*d.Width+1 : (int(row)+1)*d.Width]; slices.Contains(level, 1) {
			t.Errorf("row %d: a level that training did not see is not all zeros", row)
		}
	}
}

func TestStatistics(t *testing.T) {
	p, _ := prepare(t, all(regression("x")), rows("x", 0.0, 1.0, 5.0, 9.5, 10.0, 10.0))
	f := p.Features[0]
	if want := []int{1, 1, 0, 0, 0, 1, 0, 0, 0, 3}; !slices.Equal(f.Counts, want) {
		t.Errorf("got %v, want %v", f.Counts, want)
	}
	if want := 35.5 / 6; f.Mean != want {
		t.Errorf("got mean %v, want %v", f.Mean, want)
	}
	for v, want := range map[float64]int{-5: 0, 0: 0, .99: 0, 1: 1, 99: 9} {
		if got := f.Bin(v); got != want {
			t.Errorf("%v: got bin %d, want %d", v, got, want)
		}
	}
	p, _ = prepare(t, all(regression("x")), rows("x", "b", "a", "b", "b"))
	if f := p.Features[0]; !slices.Equal(f.Counts, []int{1, 3}) {
		t.Errorf("got %v, want 1 and 3", f.Counts)
	}
	p, _ = prepare(t, all(regression("x")), rows("x", true, false, true))
	if f := p.Features[0]; !slices.Equal(f.Counts, []int{1, 2}) {
		t.Errorf("got %v, want 1 and 2", f.Counts)
	}
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		name    string
		targets []any
		classes []any
		y       []float32
		want    string // of an error
	}{
		{"texts", []any{"spam", "ham", "spam"}, []any{"ham", "spam"}, []float32{1, 0, 1}, ""},
		{"booleans", []any{true, false}, []any{false, true}, []float32{1, 0}, ""},
		{"numbers in their order", []any{10.0, 9.0, 0.5, 9.0}, []any{.5, 9.0, 10.0}, []float32{2, 1, 0, 1}, ""},
		{"unicode", []any{"ja", "Ä"}, []any{"ja", "Ä"}, []float32{0, 1}, ""},
		{"one class", []any{"spam", "spam"}, nil, nil, `target price has one class only: "spam"`},
		{"of two kinds", []any{"1", 1.0}, nil, nil, `target price: 1 is a number where others are a category (record "b")`},
		{"a list", []any{[]any{}}, nil, nil, `target price: [] is no class`},
		{"NaN", []any{1.0, math.NaN()}, nil, nil, `target price: NaN is no class`},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := all(regression("x"))
			m.Type = retrain.Classification
			records := rows("x", make([]any, len(test.targets))...)
			for i := range records {
				records[i]["x"], records[i]["price"] = float64(i), test.targets[i]
			}
			p, d, err := prep.Prepare(m, blocks(records))
			if test.want != "" {
				wantError(t, err, retrain.DataValidationError, test.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			target := &p.Targets[0]
			if !slices.Equal(d.Y, test.y) {
				t.Errorf("got %v, want %v", d.Y, test.y)
			}
			for i, want := range test.classes {
				if got := target.Class(i); got != want || target.Index(want) != i {
					t.Errorf("class %d: got %v at %d, want %v", i, got, target.Index(want), want)
				}
			}
			if len(target.Classes) != len(test.classes) || target.Index("never") != -1 {
				t.Errorf("got classes %v, want %v", target.Classes, test.classes)
			}
		})
	}
}

// A number that is none is found wherever it stands, also among the rows that are held out.
func TestNoNumberIsFoundInEveryRow(t *testing.T) {
	for _, field := range []string{"x", "price"} {
		for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()} {
			records := numbered(10)
			records[i][field] = v
			_, _, err := prep.Prepare(regression("x"), blocks(records))
			wantError(t, err, retrain.DataValidationError, fmt.Sprintf("%s is %v, which cannot be learnt from (record \"r%d\")", field, v, i))
		}
	}
}

func TestNumericTarget(t *testing.T) {
	p, d := prepare(t, all(regression("x")), rows("x", 1.0, 2.0, 3.0)) // prices 0, 1, 2
	target := &p.Targets[0]
	for i, want := range []float64{0, 1, 2} {
		if got := target.Unscale(float64(d.Y[i])); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if constant := (prep.Target{Min: 5, Max: 5}); constant.Scale(5) != 0 || constant.Unscale(0) != 5 {
		t.Errorf("a constant is learnt as %v and answered as %v", constant.Scale(5), constant.Unscale(0))
	}
	records := rows("x", 1.0, 2.0)
	records[1]["price"] = "dear"
	_, _, err := prep.Prepare(all(regression("x")), blocks(records))
	wantError(t, err, retrain.DataValidationError, `target price: "dear" is not a number (record "b")`)
	records[1]["price"] = math.Inf(1)
	_, _, err = prep.Prepare(all(regression("x")), blocks(records))
	wantError(t, err, retrain.DataValidationError, `target price is +Inf, which cannot be learnt from (record "b")`)
}

func TestLabelsOfANetwork(t *testing.T) {
	m := all(regression("x"))
	m.Type, m.Target, m.ModelConfig.Loss = retrain.NeuralNetwork, retrain.Names{"new", "count"}, "binaryCrossentropy"
	records := []retrain.Record{{"id": "a", "x": 1.0, "new": true, "count": 1.0}, {"id": "b", "x": 2.0, "new": true, "count": 0.0}}
	p, d := prepare(t, m, records)
	if want := []float32{1, 1, 1, 0}; !slices.Equal(d.Y, want) || p.Outputs() != 2 {
		t.Errorf("got %v, want %v", d.Y, want)
	}
	records[0]["count"] = 3.0
	_, _, err := prep.Prepare(m, blocks(records))
	wantError(t, err, retrain.DataValidationError, "target count reaches from 0 to 3")

	m.Target = retrain.Names{"count"}
	records = append(records, retrain.Record{"id": "c", "x": 3.0, "count": 7.0})
	_, _, err = prep.Prepare(m, blocks(records))
	wantError(t, err, retrain.DataValidationError, "target count has 3 classes")
}

func TestManyLevels(t *testing.T) {
	var records []retrain.Record
	for i := range 100_000 {
		records = append(records, retrain.Record{"id": fmt.Sprint(i), "x": fmt.Sprintf("level %d", i), "price": float64(i)})
	}
	_, _, err := prep.Prepare(regression("x"), blocks(records))
	wantError(t, err, retrain.DataValidationError, "feature x has more than 65536 different texts in the first 8")

	m := all(regression("x"))
	m.Map = map[string]string{"x": `x[:10]`} // "level 1234"
	_, _, err = prep.Prepare(m, blocks(records))
	wantError(t, err, retrain.DataValidationError, "100000 rows of 10000 columns are 3 GB; feature x alone has 10000 levels")

	m.Map = map[string]string{"x": `x[:8]`}                               // "level 12"
	if p, _ := prepare(t, m, records); len(p.Features[0].Levels) != 100 { // 0 to 9 and 10 to 99
		t.Errorf("got %d levels, want 100", len(p.Features[0].Levels))
	}
}

func TestEmpty(t *testing.T) {
	for _, records := range [][]retrain.Record{nil, {{"id": "a", "price": -1.0}}} {
		m := regression("x")
		m.Filter = "price > 0"
		p, d, err := prep.Prepare(m, blocks(nil, records, nil))
		if p != nil || err != nil || d.Rows != 0 || d.Read != len(records) {
			t.Errorf("got %v, %+v, %v", p, d, err)
		}
	}
	m := regression("x")
	m.MinTrainingSamples = 3
	for _, values := range [][]any{{1.0, 2.0}, {"NaN", math.NaN()}, {1.0, 2.0, nil}} { // too few of whatever they are
		if p, d, err := prep.Prepare(m, blocks(rows("x", values...))); p != nil || err != nil || d.Rows != 2 {
			t.Errorf("%v: got %v, %+v, %v", values, p, d, err)
		}
	}
	_, d := prepare(t, regression("x"), rows("x", 1.0))
	if len(d.Train) != 1 || len(d.Holdout) != 0 {
		t.Errorf("a single row: got %v and %v", d.Train, d.Holdout)
	}
}

func TestSourceErrors(t *testing.T) {
	cause := retrain.Errorf(retrain.UnavailableError, "no S3")
	_, _, err := prep.Prepare(regression("x"), func(yield func(*retrain.Table, error) bool) { yield(nil, cause) })
	wantError(t, err, retrain.UnavailableError, "no S3")
}

func TestTerms(t *testing.T) {
	for _, test := range []struct {
		numbers, degree int
		want            string
	}{
		{1, 1, "[]"},
		{1, 3, "[[0 0] [0 0 0]]"},
		{2, 2, "[[0 0] [0 1] [1 1]]"},
		{2, 3, "[[0 0] [0 1] [1 1] [0 0 0] [0 0 1] [0 1 1] [1 1 1]]"},
	} {
		records := []retrain.Record{{"id": "a", "price": 1.0}, {"id": "b", "price": 2.0}}
		var features []string
		for i := range test.numbers {
			f := fmt.Sprint("x", i)
			features = append(features, f)
			records[0][f], records[1][f] = 1.0, float64(i+2)
		}
		m := all(regression(features...))
		m.ModelConfig.Polynomial = test.degree
		if p, _ := prepare(t, m, records); fmt.Sprint(p.Terms) != test.want {
			t.Errorf("degree %d of %d: got %v, want %s", test.degree, test.numbers, p.Terms, test.want)
		}
	}
}

func TestTermsOfNumbersOnly(t *testing.T) {
	m := all(regression("color", "x", "new", "day"))
	m.ModelConfig.Polynomial = 2
	p, d := prepare(t, m, []retrain.Record{
		{"id": "a", "color": "red", "x": 0.0, "new": true, "day": "2024-01-01", "price": 1.0},
		{"id": "b", "color": "blue", "x": 4.0, "new": true, "day": "2024-01-05", "price": 2.0},
		{"id": "c", "color": "blue", "x": 2.0, "new": false, "day": "2024-01-02", "price": 3.0},
	})
	if want := "[[2 2] [2 4] [4 4]]"; fmt.Sprint(p.Terms) != want {
		t.Fatalf("got %v, want %s", p.Terms, want)
	}
	if got, want := d.X[2*d.Width:], []float32{1, 0, .5, 0, .25, .25, .125, .0625}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTermsAreBounded(t *testing.T) {
	for numbers, want := range map[int]int{10: 990, 30: 90} { // all products to degree 4, powers only
		m := all(regression())
		m.ModelConfig.Polynomial = 4
		records := []retrain.Record{{"id": "a", "price": 1.0}, {"id": "b", "price": 2.0}}
		for i := range numbers {
			f := "x" + strings.Repeat("'", i)
			m.Features = append(m.Features, f)
			records[0][f], records[1][f] = 1.0, 2.0
		}
		if p, _ := prepare(t, m, records); len(p.Terms) != want {
			t.Errorf("%d numbers: got %d terms, want %d", numbers, len(p.Terms), want)
		}
	}
}
