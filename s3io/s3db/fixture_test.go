package s3db_test

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io/s3db"
)

// A dump is a database that s3db.js wrote, and what s3db.js itself reads from it.
type dump struct {
	name       string
	passphrase string
	db         *s3db.Database
	objects    []object
	expected   map[string][]retrain.Record
}

type object struct {
	Key      string            `json:"key"`
	Metadata map[string]string `json:"metadata"`
	Body     []byte            `json:"body_base64"`
}

const prefix = "databases/myapp/"

func dumps(t testing.TB) []*dump {
	t.Helper()
	list := []*dump{{name: "v13", passphrase: "fixture-passphrase"}, {name: "v21", passphrase: "secret"}}
	for _, d := range list {
		readJSON(t, d.name+"_objects.json", &d.objects)
		var file struct {
			Records map[string][]retrain.Record `json:"records"`
		}
		readJSON(t, d.name+"_expected.json", &file)
		d.expected = file.Records
		for _, o := range d.objects {
			if o.Key == prefix+s3db.MetadataKey {
				var err error
				if d.db, err = s3db.Parse(o.Body); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return list
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// records decodes all records of a resource.
func (d *dump) records(t testing.TB, name string) (*s3db.Resource, map[string]retrain.Record) {
	t.Helper()
	r, err := d.db.Resource(name)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]retrain.Record)
	for _, o := range d.objects {
		id, ok := strings.CutPrefix(o.Key, prefix+s3db.DataKey(name))
		if !ok {
			continue
		}
		record, err := r.Decode(s3db.Stored{ID: id, Metadata: o.Metadata, Body: o.Body}, d.passphrase)
		if err != nil {
			t.Fatalf("%s: %v", o.Key, err)
		}
		all[id] = record
	}
	return r, all
}

func TestDecodesAsItsWriterDoes(t *testing.T) {
	for _, d := range dumps(t) {
		checked := 0
		for name, expected := range d.expected {
			_, got := d.records(t, name)
			delete(got, "fresh") // of the behaviours' resources; it was inserted after they were read
			if len(got) != len(expected) {
				t.Errorf("%s %s: %d records, want %d", d.name, name, len(got), len(expected))
			}
			for _, want := range expected {
				checked++
				id := want.ID()
				if !same(shown(got[id]), shown(want)) {
					t.Errorf("%s %s %s: got %v, want %v", d.name, name, id, shown(got[id]), shown(want))
				}
			}
		}
		if checked < 380 {
			t.Errorf("%s: only %d records were compared", d.name, checked)
		}
	}
}

// shown returns a record without what s3db.js says of the object, and without nulls.
func shown(r retrain.Record) map[string]any {
	m := make(map[string]any)
	for k, v := range r {
		if !strings.HasPrefix(k, "_") && v != nil {
			m[k] = v
		}
	}
	return m
}

// same compares; numbers may differ in the last digit, since s3db.js adds up what we read exactly.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
	case map[string]any:
		b, ok := b.(map[string]any)
		for k := range a {
			ok = ok && same(a[k], b[k])
		}
		return ok && len(a) == len(b)
	case []any:
		b, ok := b.([]any)
		ok = ok && len(a) == len(b)
		for i := range a {
			ok = ok && same(a[i], b[i])
		}
		return ok
	}
	return reflect.DeepEqual(a, b)
}

// Every reference that s3db.js wrote says which partition a record is in.
func TestPartitionsAreThoseOfTheirWriter(t *testing.T) {
	for _, d := range dumps(t) {
		references := 0
		for name := range d.expected {
			r, records := d.records(t, name)
			members := make(map[string][]string) // ids by folder
			for _, o := range d.objects {
				path, isRef := strings.CutPrefix(o.Key, prefix+"resource="+name+"/partition=")
				if folder, id, ok := strings.Cut(path, "/id="); isRef && ok {
					members[folder] = append(members[folder], id)
				}
			}
			for folder, ids := range members {
				parts := strings.Split(folder, "/")
				p := &retrain.PartitionRef{Name: parts[0], Values: make(map[string]any)}
				for _, pair := range parts[1:] {
					field, v, _ := strings.Cut(pair, "=")
					p.Values[field] = v
				}
				in := 0
				for _, record := range records {
					if r.In(p, record) {
						in++
					}
				}
				for _, id := range ids {
					references++
					if !r.In(p, records[id]) {
						t.Errorf("%s %s: %s is not in %s", d.name, name, id, folder)
					}
				}
				if in != len(ids) {
					t.Errorf("%s %s: %d records in %s, want %d", d.name, name, in, folder, len(ids))
				}
			}
		}
		if references < 800 {
			t.Errorf("%s: only %d references were checked", d.name, references)
		}
	}
}
