package s3db_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io/s3db"
)

// one decodes a value of an attribute with a definition, as metadata.
func one(definition, v string) (any, error) {
	db, err := s3db.Parse([]byte(`{"resources":{"r":{"currentVersion":"v1","versions":{"v1":{"attributes":{"a":"` + definition + `"}}}}}}`))
	if err != nil {
		return nil, err
	}
	r, err := db.Resource("r")
	if err != nil {
		return nil, err
	}
	record, err := r.Decode(s3db.Stored{ID: "x", Metadata: map[string]string{"0": v}}, "secret")
	return record["a"], err
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		definition, stored string
		want               any
	}{
		{"string", "d:j", "application/json"},
		{"string", "d:f", "failed"},
		{"string", "d:@Av1/x", "https://api.example.com/v1/x"},
		{"string", "d:@?x", "d:@?x"},
		{"string", "d:", "d:"},
		{"string", "u:a%C3%A7", "aç"},
		{"string", "b:dTpsaXRlcmFs", "u:literal"},
		{"string", "b:dTpsaXRlcmFs====", "u:literal"},
		{"string", "null", nil},
		{"string", "undefined", nil},
		{"string", "{\"a\":", "{\"a\":"},
		{"string", `{"a":1}`, map[string]any{"a": 1.}},
		{"number", "3d7.6789", 12345.6789},
		{"number", "-0.5", -0.5},
		{"number", "0", 0.},
		{"number", "-0", 0.},
		{"number", "", ""},
		{"number", "jdt8BLTpPG02", 1e21},
		{"number", "1.5e+21", 1.5e21},
		{"number", "1.5e-7", 1.5e-7},
		{"number", "1naolCOL972", float64(1<<60 + 1<<10)}, // more digits than a float64 has on the way
		{"number|integer|required", "5ban", 1234567.},
		{"number|integer", "-1", -1.},
		{"boolean", "1", true},
		{"boolean", "0", false},
		{"ip4", "wKgBCg==", "192.168.1.10"},
		{"ip6", "IAENuAAAAAAAAAAAAAAAAQ==", "2001:db8::1"},
		{"money", "$w7e", 1234.56},
		{"money", "12", "12"},
		{"money:0", "$1", 1.},
		{"crypto:3", "$g8", 1.},
		{"decimal:4", "^jV", 0.1235},
		{"geo:lat", "~4uOxP", -23.550518999999994},
		{"embedding:4", "^[q0U,-Q1O,1oIl,4c92]", []any{0.1, -0.2, 0.333333, 1.}},
		{"embedding:4", "^[]", []any{}},
		{"embedding:4", "[1,2]", []any{1., 2.}},
		{"array|items:string", `a|b\\|c|d\\\\e`, []any{"a", "b|c", `d\e`}},
		{"array|items:string", "", []any{}},
		{"array|items:number|integer", "1|10|100", []any{1., 62., 3844.}},
		{"array|items:object", `[{"a":1}]`, []any{map[string]any{"a": 1.}}},
		{"datetime|optional", "vBLjplY", "2026-11-23T03:08:51.374Z"},
		{"datetime", "2026-11-23", "2026-11-23"},
	} {
		stored := strings.ReplaceAll(c.stored, `\\`, `\`)
		got, err := one(c.definition, stored)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: got %#v, %v, want %#v", c.definition, stored, got, err, c.want)
		}
	}
}

func TestBrokenValues(t *testing.T) {
	for definition, list := range map[string][]string{
		"string":                     {"u:%", "u:%zz", "b:*", "b:/w==", "u:%FF"},
		"number":                     {"1+1", "-", ".5", "1.", "1.e5", "1.5e999", "1.0x1p4", "1_0", strings.Repeat("Z", 200), strings.Repeat("Z", 179)},
		"number|integer":             {"1.5", "é"},
		"ip4":                        {"wKgB", "*"},
		"ip6":                        {"wKgBCg=="},
		"money":                      {"$", "$-"},
		"decimal":                    {"jV", ""},
		"geo:point":                  {"~1", "1~2", "~1~2~3", "~1~+"},
		"embedding:2":                {"^[1,]", "^[1", "x"},
		"array|items:number":         {"1||2.", "1|+"},
		"array|items:number|integer": {"1|"},
		"secret":                     {"*", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	} {
		for _, v := range list {
			if got, err := one(definition, v); definition == "array|items:number|integer" && v == "1|" {
				if !reflect.DeepEqual(got, []any{1., ""}) {
					t.Errorf("%s %q: got %v, %v", definition, v, got, err)
				}
			} else if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "attribute a") {
				t.Errorf("%s %q: got %v, %v, want a DataValidationError", definition, v, got, err)
			}
		}
	}
}

const drifted = `{"resources":{"r":{"currentVersion":"v2","versions":{
	"v1":{"attributes":{"cost":"number","price":"number"}},
	"v2":{"attributes":{"brand":"string","cost":"number","10":"string","price":"number","in":{"$$type":"object","a":"number"}}}}}}}`

// A record is decoded by the attributes that it was written with, and those are numbered as JavaScript orders them.
func TestVersions(t *testing.T) {
	db, err := s3db.Parse([]byte(drifted))
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Resource("r")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		metadata map[string]string
		body     string
		want     retrain.Record
	}{
		{map[string]string{"_v": "v1", "0": "1.5", "1": "2.5"}, "", retrain.Record{"id": "x", "cost": 1.5, "price": 2.5}},
		{map[string]string{"_v": "v2", "0": "ten", "1": "Acme", "2": "1.5", "3": "2.5", "4": "1"}, "",
			retrain.Record{"id": "x", "10": "ten", "brand": "Acme", "cost": 1.5, "price": 2.5, "in": map[string]any{"a": 1.}}},
		{map[string]string{"1": "Acme", "5": `{"b":2}`, "unknown": "kept"}, "", retrain.Record{"id": "x", "brand": "Acme", "in": map[string]any{"b": 2.}, "unknown": "kept"}},
		{map[string]string{"_v": "v2"}, `{"1":"Acme","2":"1.5","_v":"v2"}`, retrain.Record{"id": "x", "brand": "Acme", "cost": 1.5}},
		{map[string]string{"_v": "v2", "1": "Acme"}, `{"brand":"Other","cost":7,"_etag":"x","id":"y"}`, retrain.Record{"id": "x", "brand": "Acme", "cost": 7.}},
		{map[string]string{"_v": "v2", "1": "Acme"}, "\x89PNG", retrain.Record{"id": "x", "brand": "Acme"}},
	} {
		got, err := r.Decode(s3db.Stored{ID: "x", Metadata: c.metadata, Body: []byte(c.body)}, "")
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v %s: got %v, %v, want %v", c.metadata, c.body, got, err, c.want)
		}
	}
	for _, metadata := range []map[string]string{{"_v": "v3"}, {"_v": "v2", "_overflow": "true", "1": "Acme"}, {"_v": "v2"}} {
		if _, err := r.Decode(s3db.Stored{ID: "x", Metadata: metadata, Body: []byte(`{"1":`)}, ""); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("%v: got %v", metadata, err)
		}
	}
}

// An update of a record writes it once more into the body, with its secrets in clear. They are not read from there.
func TestSecretsInClearAreLeft(t *testing.T) {
	db, err := s3db.Parse([]byte(`{"resources":{"r":{"currentVersion":"v1","versions":{"v1":{"attributes":{"n":"number","key":"secret|required"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.Resource("r")
	if err != nil {
		t.Fatal(err)
	}
	stored := s3db.Stored{ID: "x", Metadata: map[string]string{"0": "1", "1": "ZEGvBTVCLkT3s"}, Body: []byte(`{"n":1,"key":"in clear"}`)}
	if got, err := r.Decode(stored, ""); err != nil || !reflect.DeepEqual(got, retrain.Record{"id": "x", "n": 1.}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParseBroken(t *testing.T) {
	for _, in := range []string{"", "{", "[]", `{"resources":[]}`, `{"resources":{"r":{"versions":{"v1":{"attributes":[]}}}}}`,
		`{"resources":{"r":{"versions":{"v1":{"attributes":` + strings.Repeat(`{"a":`, 200) + "{}" + strings.Repeat("}", 200) + `}}}}}`} {
		if _, err := s3db.Parse([]byte(in)); !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("%.60q: got %v", in, err)
		}
	}
	db, err := s3db.Parse([]byte(`{"resources":{"a":{},"b":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Resource("c")
	if e, ok := errors.AsType[*retrain.Error](err); !ok || e.Code != retrain.NotFoundError || e.Hint != "it has a, b" {
		t.Errorf("got %v", err)
	}
}

func TestPartitionValue(t *testing.T) {
	for _, c := range []struct {
		rule string
		v    any
		want string
	}{
		{"", "elec", "elec"},
		{"string", 5., "5"},
		{"string", true, "true"},
		{"date", "2026-11-23T23:59:59.000Z", "2026-11-23"},
		{"date", "2026-11-23T23:59:59-05:00", "2026-11-24"},
		{"date|maxlength:10", `"2026-11-23T23:59:59.000Z"`, "2026-11-23"},
		{"date", "2026-11-23 10:00", "2026-11-23"},
		{"date", "some day", "some day"},
		{"string|maxlength:2", "día", "dí"},
		{"maxlength:x", "abc", "abc"},
	} {
		if got := s3db.PartitionValue(c.rule, c.v); got != c.want {
			t.Errorf("%q of %v: got %q, want %q", c.rule, c.v, got, c.want)
		}
	}
}

// FuzzValue decodes anything without harm, and numbers as they were.
func FuzzValue(f *testing.F) {
	for _, seed := range [][2]string{{"number", "3d7.6789"}, {"array|items:string", `a|b\|c`}, {"embedding", "^[q0U,-Q1O]"}, {"money:3", "$w7e"}, {"geo:point", "~4uOxP~91ALF"},
		{"ip6", "IAENuAAAAAAAAAAAAAAAAQ=="}, {"datetime", "vBLjplY"}, {"string", "u:a%C3%A7"}, {"json", `{"a":[1]}`}, {"string", "d:@Ax"}, {"string", "b:8J+agA=="}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, definition, v string) {
		if strings.ContainsAny(definition, "\"\\\n\t\r") || strings.Contains(definition, "secret") {
			return // it would not be JSON; or would take its time
		}
		got, err := one(definition, v)
		if err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Fatalf("got %v", err)
		}
		if n, ok := got.(float64); ok && (math.IsNaN(n) || math.IsInf(n, 0)) {
			t.Fatalf("got %v", n)
		}
	})
}

// FuzzDecode decodes any object by any s3db.json without harm.
func FuzzDecode(f *testing.F) {
	const registry = `{"resources":{"r":{"currentVersion":"v1","partitions":{"p":{"fields":{"a":"date|maxlength:10"}}},"schemaRegistry":{"mapping":{"a":0,"in.b":1}},
		"versions":{"v1":{"attributes":{"a":"datetime|optional","in":{"b":"array|items:number"}}}}}}}` // a whole dump's takes the fuzzer minutes
	f.Add([]byte(registry), "r", "0", "vBLjplY", "v1", []byte(`{"1":"1|10"}`))
	f.Add([]byte(drifted), "r", "1", "Acme", "v2", []byte(`{"1":"Acme","in.a":"5","in":{"a":[]}}`))
	f.Fuzz(func(t *testing.T, schema []byte, name, short, v, version string, body []byte) {
		db, err := s3db.Parse(schema)
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			return
		}
		r, err := db.Resource(name)
		if err != nil {
			return
		}
		record, err := r.Decode(s3db.Stored{ID: "x", Metadata: map[string]string{short: v, "_v": version}, Body: body}, "")
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if record.ID() != "x" {
			t.Fatalf("got the id %v", record["id"])
		}
		r.In(&retrain.PartitionRef{Name: "p", Values: map[string]any{"a": "b"}}, record)
	})
}
