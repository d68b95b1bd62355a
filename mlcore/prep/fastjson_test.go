package prep_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"retrain"
	"retrain/mlcore/prep"
)

func flatEncoder(t *testing.T, onMissing string) *prep.Encoder {
	t.Helper()
	p := &prep.Preparation{Format: 1, OnMissing: onMissing, Features: []prep.Feature{
		{Name: "cost", Form: prep.Numeric, Min: -3, Max: 100, Mean: 7}, {Name: "kind", Form: prep.Category, Levels: []string{"", "1.5", "a", "köln"}, Counts: []int{1, 2, 3, 4}},
		{Name: "sold", Form: prep.Boolean, Mean: 1}, {Name: "day", Form: prep.Date, Min: 1e9, Max: 2e9, Mean: 1.5e9}}}
	e, err := p.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What is read from the text itself is, bit for bit, what comes of the records that the text stands for; what is wrong with them is
// left to who says it.
func TestEncodeJSON(t *testing.T) {
	for _, onMissing := range []string{"skip", "mean", "zero"} {
		e := flatEncoder(t, onMissing)
		rapid.Check(t, func(t *rapid.T) {
			checkEncodeJSON(t, e, rapid.Custom(instances).Draw(t, "text"))
		})
	}
}

func checkEncodeJSON(t rapid.TB, e *prep.Encoder, text string) {
	t.Helper()
	got, rows, ok := e.EncodeJSON([]byte(text), nil, 5)
	var request struct{ Instances []retrain.Record }
	err := json.Unmarshal([]byte(text), &request)
	if !ok {
		return
	}
	if err != nil || rows != len(request.Instances) {
		t.Fatalf("%s: %d rows, of %d, %v", text, rows, len(request.Instances), err)
	}
	want := make([]float32, rows*e.Width())
	if err := e.Encode(request.Instances, want); err != nil {
		t.Fatalf("%s: read, but: %v", text, err)
	}
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Fatalf("%s: got %v, want %v", text, got, want)
	}
}

// instances draws a request, most of which are right.
func instances(t *rapid.T) string {
	blank := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
	value := rapid.OneOf(rapid.Map(rapid.Float64Range(-1e3, 1e3), func(v float64) string { return fmt.Sprint(v) }),
		rapid.SampledFrom([]string{"0", "-0", "1e3", "1.50", "01", "1.", ".5", "-", "1e400", "true", "false", "null", `"a"`, `"köln"`, `"1.5"`, `""`, `"true"`, `"2026-01-02"`, "1700000000",
			`"\u0061"`, "[1]", `{"b64":"YQ=="}`, "nul", `"`, "NaN", "\"\xff\""}))
	record := func(label string) string {
		var members []string
		for _, name := range rapid.Permutation([]string{"cost", "kind", "sold", "day", "id"}).Draw(t, label) {
			usual := map[string]string{"cost": "12.5", "kind": `"a"`, "sold": "true", "day": `"2020-05-06"`, "id": `"x"`}[name]
			v := usual
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				v = value.Draw(t, name)
			case 1:
				continue
			}
			members = append(members, blank.Draw(t, "")+`"`+name+`"`+blank.Draw(t, "")+":"+blank.Draw(t, "")+v)
		}
		return "{" + strings.Join(members, blank.Draw(t, "")+",") + blank.Draw(t, "") + "}"
	}
	var records []string
	for i := range rapid.IntRange(0, 6).Draw(t, "rows") {
		records = append(records, blank.Draw(t, "")+record(fmt.Sprint(i)))
	}
	return blank.Draw(t, "") + `{"instances":[` + strings.Join(records, ",") + "]" + blank.Draw(t, "") + "}" + rapid.SampledFrom([]string{"", "", "\n", "x"}).Draw(t, "end")
}

func TestEncodeJSONReadsTheUsual(t *testing.T) {
	e := flatEncoder(t, "mean")
	for text, want := range map[string]bool{
		`{"instances":[{"cost":1,"kind":"a","sold":true,"day":"2020-01-02"}]}`:                                  true,
		"\n{ \"instances\" : [ { \"day\":1600000000 , \"id\":\"x\", \"cost\":-1.5e1 } , {\"cost\":null} ] } \n": true,
		`{"instances":[]}`: false,
		`{"instances":[{"cost":1},{"cost":1,"cost":2}]}`:                     false,
		`{"instances":[{"cost":1}],"signature_name":""}`:                     false,
		`{"instances":[{"cost":"much"}]}`:                                    false,
		`{"instances":[{"cost":1}]`:                                          false,
		`{"inputs":[{"cost":1}]}`:                                            false,
		`{"instances":[` + strings.Repeat(`{"cost":1},`, 5) + `{"cost":1}]}`: false,
		``: false,
	} {
		if _, _, ok := e.EncodeJSON([]byte(text), nil, 5); ok != want {
			t.Errorf("%s: read %v, want %v", text, ok, want)
		}
	}
}
