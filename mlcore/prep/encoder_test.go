package prep_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"retrain"
	"retrain/mlcore/prep"
)

func encoder(t interface{ Fatal(args ...any) }, p *prep.Preparation) *prep.Encoder {
	e, err := p.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOnMissing(t *testing.T) {
	records := []retrain.Record{
		{"id": "a", "x": 10.0, "level": "red", "new": true, "day": "1970-01-01", "price": 1.0},
		{"id": "b", "x": 20.0, "level": "red", "new": true, "day": "1970-01-03", "price": 2.0},
		{"id": "c", "x": 12.0, "level": "blue", "new": false, "day": "1970-01-03", "price": 3.0},
		{"id": "d", "price": 4.0},
		{"id": "e", "x": 12.0, "level": "blue", "new": false, "day": "1970-01-03"},
	}
	for _, test := range []struct {
		rule    string
		skipped int
		want    []float32 // of record d: x, blue, red, new, day
		err     string
	}{
		{"", 2, nil, `Missing features: x, level, new, day`},
		{"skip", 2, nil, `Missing features: x, level, new, day`},
		{"mean", 1, []float32{.4, 0, 1, 1, 2. / 3}, ""},
		{"zero", 1, []float32{-1, 0, 0, 0, 2. / 3}, ""},
		{"error", 0, nil, `record "d" has no x`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			m := all(regression("x", "level", "new", "day"))
			m.OnMissing = test.rule
			p, d, err := prep.Prepare(m, blocks(records))
			if test.rule == "error" {
				wantError(t, err, retrain.DataValidationError, test.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Skipped != test.skipped || d.Rows != 5-test.skipped {
				t.Errorf("%d of %d rows left out, want %d", d.Skipped, d.Rows, test.skipped)
			}
			x := make([]float32, 5)
			err = encoder(t, p).Encode(records[3:4], x)
			if test.err != "" {
				wantError(t, err, retrain.DataValidationError, test.err)
				return
			}
			if err != nil || !slices.Equal(x, test.want) || !slices.Equal(d.X[3*5:], test.want) {
				t.Errorf("got %v, %v; in training %v, want %v", x, err, d.X[3*5:], test.want)
			}
		})
	}
}

func TestMissingTarget(t *testing.T) {
	m := regression("x")
	m.OnMissing = "error"
	_, _, err := prep.Prepare(m, blocks([]retrain.Record{{"id": "a", "x": 1.0, "price": 1.0}, {"id": "b", "x": 1.0}}))
	wantError(t, err, retrain.DataValidationError, `record "b" has no price`)
}

func TestEncodeErrors(t *testing.T) {
	m := all(regression("cost", "new", "day", "level", "logDemand"))
	m.Map = map[string]string{"logDemand": "log(demand)"}
	good := retrain.Record{"id": "a", "cost": 1.0, "new": true, "day": "2024-01-01", "level": "x", "demand": 5.0, "price": 1.0}
	with := func(field string, v any) retrain.Record {
		r := retrain.Record{}
		maps.Copy(r, good)
		r[field] = v
		return r
	}
	p, _ := prepare(t, m, []retrain.Record{good, with("cost", 2.0), with("demand", 7.0), with("new", false)})
	e := encoder(t, p)
	for _, test := range []struct {
		name    string
		records []retrain.Record
		want    string
	}{
		{"nothing", []retrain.Record{{}}, `Missing features: cost, new, day, level, logDemand (made of demand)`},
		{"null", []retrain.Record{with("cost", nil)}, `Missing features: cost`},
		{"the second of two", []retrain.Record{good, with("cost", nil)}, `Missing features: cost (record "a")`},
		{"no id", []retrain.Record{good, {"cost": 1.0}}, `(record 2)`},
		{"text", []retrain.Record{with("cost", "abc")}, `feature cost: "abc" is not a number`},
		{"long text", []retrain.Record{with("cost", string(make([]rune, 1000)))}, `…" is not a number`},
		{"list", []retrain.Record{with("cost", []any{1.0})}, `feature cost: [1] is not a number`},
		{"two", []retrain.Record{with("new", 2.0)}, `feature new: 2 is not a boolean`},
		{"no date", []retrain.Record{with("day", "tomorrow")}, `feature day: "tomorrow" is not a date`},
		{"an object", []retrain.Record{with("level", map[string]any{})}, `feature level: {} is not a text`},
		{"NaN", []retrain.Record{with("cost", math.NaN())}, `feature cost is NaN`},
		{"infinite by map", []retrain.Record{with("demand", 0.0)}, `feature logDemand is -Inf`},
		{"no number by map", []retrain.Record{with("demand", "x")}, `feature logDemand: "log(demand)": log: "x" is not a number`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := e.Encode(test.records, make([]float32, len(test.records)*e.Width()))
			wantError(t, err, retrain.DataValidationError, test.want)
			_, err = e.Raw(test.records)
			wantError(t, err, retrain.DataValidationError, test.want)
		})
	}
	if err := e.Encode([]retrain.Record{good}, nil); err == nil {
		t.Error("no place for the answer is no error")
	}
	for _, ok := range []retrain.Record{with("cost", "1.5"), with("cost", true), with("new", 1.0), with("new", "true"), with("day", 1.7e9), with("level", 7.0), with("level", "never seen")} {
		if err := e.Encode([]retrain.Record{ok}, make([]float32, e.Width())); err != nil {
			t.Error(err)
		}
	}
}

func TestRaw(t *testing.T) {
	m := all(regression("cost", "new", "day", "level", "twice"))
	m.Map, m.OnMissing = map[string]string{"twice": "cost * 2"}, "zero"
	records := []retrain.Record{
		{"id": "a", "cost": 1.0, "new": true, "day": "1970-01-02", "level": "x", "price": 1.0},
		{"id": "b", "cost": 2.0, "new": false, "price": 1.0},
	}
	p, _ := prepare(t, m, records)
	got, err := encoder(t, p).Raw(records)
	want := []prep.Raw{
		{Name: "cost", Form: prep.Numeric, Numbers: []float64{1, 2}},
		{Name: "new", Form: prep.Boolean, Numbers: []float64{1, 0}},
		{Name: "day", Form: prep.Date, Numbers: []float64{86400, 86400}},
		{Name: "level", Form: prep.Category, Texts: []string{"x", ""}},
		{Name: "twice", Form: prep.Numeric, Numbers: []float64{2, 4}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

func TestTermTooLarge(t *testing.T) {
	m := all(regression("x"))
	m.ModelConfig.Polynomial = 5
	p, _ := prepare(t, m, rows("x", 0.0, 1.0))
	err := encoder(t, p).Encode([]retrain.Record{{"x": 1e30}}, make([]float32, 5))
	wantError(t, err, retrain.DataValidationError, "too far from what training saw")
	p, _ = prepare(t, all(regression("x")), rows("x", 0.0, 1e-30))
	err = encoder(t, p).Encode([]retrain.Record{{"x": 1e30}}, make([]float32, 1))
	wantError(t, err, retrain.DataValidationError, "feature x: 1e+30 is too far from what training saw, 0 to 1e-30")
}

func TestBadMapInManifest(t *testing.T) {
	p := &prep.Preparation{Features: []prep.Feature{{Name: "x", Form: prep.Numeric}}, Map: map[string]string{"x": "log("}}
	_, err := p.Encoder()
	wantError(t, err, retrain.ModelConfigError, `map.x: "log(": unexpected token`)
}

// What a prediction's encoder makes of the training records, after the preparation went through a manifest, is what
// training saw, bit by bit.
func TestPredictionEncodesAsTraining(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, records := drawModel(t), drawRecords(t)
		p, d, err := prep.Prepare(m, blocks(records[:len(records)/2], records[len(records)/2:]))
		if err != nil {
			t.Fatal(err)
		}
		if d.Rows == 0 {
			return
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		restored := new(prep.Preparation)
		if err := json.Unmarshal(b, restored); err != nil {
			t.Fatal(err)
		}
		again := make([]retrain.Record, d.Rows)
		for i := range again {
			again[i] = record(d, i)
		}
		x := make([]float32, len(d.X))
		if err := encoder(t, restored).Encode(again, x); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(d.X[i]) {
				t.Fatalf("row %d, column %d: %v, in training %v", i/d.Width, i%d.Width, x[i], d.X[i])
			}
		}
	})
}

func drawModel(t *rapid.T) retrain.Model {
	m := regression("číslo", "level", "new", "day", "made")
	m.OnMissing = rapid.SampledFrom([]string{"skip", "mean", "zero"}).Draw(t, "onMissing")
	m.ModelConfig.Polynomial = rapid.IntRange(1, 4).Draw(t, "polynomial")
	m.Seed = rapid.Uint64().Draw(t, "seed")
	m.Map = map[string]string{"made": `(číslo ?? 0) / 3 + year(day)`}
	m.Filter = rapid.SampledFrom([]string{"", "new", `level != "red" or číslo > 0`}).Draw(t, "filter")
	return m
}

func drawRecords(t *rapid.T) []retrain.Record {
	number := rapid.Float64Range(-1e6, 1e6)
	day := rapid.Custom(func(t *rapid.T) string {
		return time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "at"), 0).UTC().Format(rapid.SampledFrom([]string{time.RFC3339, time.DateOnly, "2006-01"}).Draw(t, "as"))
	})
	records := []retrain.Record{ // each field at least once on either side of the split
		{"id": "first", "číslo": 1.0, "level": "red", "new": true, "day": "2024-01-01", "price": 1.0},
		{"id": "second", "číslo": 2.0, "level": "red", "new": true, "day": "2024-01-01", "price": 2.0},
	}
	for i := range rapid.IntRange(2, 40).Draw(t, "n") {
		r := retrain.Record{"id": "r" + strconv.Itoa(i), "číslo": number.Draw(t, "číslo"), "new": rapid.Bool().Draw(t, "new"),
			"level": "level " + rapid.String().Draw(t, "level"), "day": day.Draw(t, "day"), "price": number.Draw(t, "price")}
		if i > 30 && rapid.Bool().Draw(t, "gap") { // few enough for every field to stay known
			delete(r, rapid.SampledFrom([]string{"číslo", "level", "new", "day", "price"}).Draw(t, "without"))
		}
		records = append(records, r)
	}
	return records
}

func TestSameBytesTwice(t *testing.T) {
	m := regression("x", "day")
	for range 3 {
		p1, d1 := prepare(t, m, numbered(500))
		p2, d2 := prepare(t, m, numbered(500))
		b1, _ := json.Marshal(p1)
		b2, _ := json.Marshal(p2)
		if string(b1) != string(b2) || !slices.Equal(d1.X, d2.X) || !slices.Equal(d1.Y, d2.Y) || !slices.Equal(d1.Holdout, d2.Holdout) {
			t.Fatal("the same data is prepared differently")
		}
	}
}

// Blocks are how records come, not what they say.
func TestBlocksDoNotMatter(t *testing.T) {
	records := numbered(100)
	records[7]["new"] = true // a column that one block has and another has not
	whole, d := prepare(t, regression("x", "day"), records)
	parts, e, err := prep.Prepare(regression("x", "day"), blocks(records[:8], nil, records[8:9], records[9:]))
	if err != nil || !reflect.DeepEqual(whole, parts) || !slices.Equal(d.X, e.X) || !slices.Equal(d.Holdout, e.Holdout) {
		t.Errorf("other blocks, other data: %v", err)
	}
}

func ExamplePrepare() {
	m := retrain.Model{Name: "price", Type: retrain.Regression, Resource: "products", MinTrainingSamples: 2,
		Features: []string{"logCost", "category"}, Target: retrain.Names{"price"},
		Filter: "price > 0", Map: map[string]string{"logCost": "log10(cost)"}}
	m.ModelConfig.ValidationSplit = new(float64)
	p, d, err := prep.Prepare(m, blocks([]retrain.Record{
		{"id": "1", "cost": 10.0, "category": "toys", "price": 12.0},
		{"id": "2", "cost": 1000.0, "category": "home", "price": 1600.0},
		{"id": "3", "cost": 100.0, "category": "toys", "price": 0.0},
	}))
	if err != nil {
		panic(err)
	}
	fmt.Println(d.X, d.Y)
	e, err := p.Encoder()
	if err != nil {
		panic(err)
	}
	x := make([]float32, p.Width())
	fmt.Println(e.Encode([]retrain.Record{{"cost": 100.0, "category": "toys"}}, x), x)
	fmt.Println(e.Encode([]retrain.Record{{"cost": 100.0}}, x))
	// Output:
	// [0 0 1 1 1 0] [0 1]
	// <nil> [0.5 0 1]
	// DataValidationError: Missing features: category
}
