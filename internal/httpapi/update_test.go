package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/testenv"
)

// A change is a request that changes records, and what must be answered.
type change struct {
	name, method, path, body, key string
	status                        int
	want                          string
}

func (c *change) try(t *testing.T, url string) {
	t.Helper()
	status, got := call(t, c.method, url+"/v1/resources/products/records"+c.path, c.body, "Idempotency-Key", c.key)
	if status != c.status || !strings.Contains(got, c.want) {
		t.Errorf("%s: got %d %s\nwant %d %s", c.name, status, got, c.status, c.want)
	}
}

// updated is the answer to a change of so many.
func updated(n, triggered string) string {
	return `{"resource":"products","updated":` + n + `,"triggered":[` + triggered + `]}`
}

// A store is what lies behind a server.
type store struct {
	*testing.T
	*app.App
}

func controlled(t *testing.T) (*httptest.Server, store) {
	t.Helper()
	server, a := openControl(t, testenv.S3(t), declared)
	return server, store{t, a}
}

// holds compares the stored products with what is wanted, JSON by id.
func (s store) holds(want map[string]string) {
	s.Helper()
	data, err := s.Source.Snapshot(s.Context(), retrain.Resource{Name: "products"}, nil)
	if err != nil {
		s.Fatal(err)
	}
	got := make(map[string]string)
	for table, err := range s.Source.Tables(s.Context(), data) {
		if err != nil {
			s.Fatal(err)
		}
		for r := range table.Records() {
			b, err := json.Marshal(r)
			if err != nil {
				s.Fatal(err)
			}
			got[r.ID()] = string(b)
		}
	}
	if !reflect.DeepEqual(got, want) {
		s.Errorf("stored are %v, want %v", got, want)
	}
}

// counted compares the rows that model price has been told of.
func (s store) counted(want int) {
	s.Helper()
	if state, err := s.State(s.Context(), "price"); err != nil || state.Inserted != want {
		s.Errorf("got %d rows, %v, want %d", state.Inserted, err, want)
	}
}

func TestUpdate(t *testing.T) {
	server, a := controlled(t)
	call(t, http.MethodPost, server.URL+"/v1/resources/products/records", `[{"id":"a","cost":1,"size":2},{"id":7}]`)
	for _, c := range []change{
		{"fields of one", "PATCH", "/a", `{"cost":10}`, "one", 200, updated("1", `"price"`)},
		{"the same again", "PATCH", "/a", `{"cost":10}`, "one", 200, updated("1", "")},
		{"fields of a list", "PATCH", "", `[{"id":"a","size":3},{"id":7,"cost":7}]`, "", 200, updated("2", "")},
		{"a record per line, whole", "PUT", "", "{\"id\":\"a\",\"cost\":20}\n", "", 200, updated("1", "")},
		{"one, whole", "PUT", "/7", `{"cost":70}`, "", 200, updated("1", "")},
		{"the id that the path names", "PATCH", "/a", `{"id":"a","colour":"blue"}`, "", 200, updated("1", "")},
		{"an unknown id", "PATCH", "/nobody", `{"cost":1}`, "", 404, `has no record \"nobody\"`},
		{"one of a list", "PATCH", "", `[{"id":"a","cost":0},{"id":"x"},{"id":"y"}]`, "", 404, `has no record \"x\", \"y\"`},
		{"another id than the path's", "PUT", "/a", `{"id":"b","cost":1}`, "", 400, `the path names record \"a\"`},
		{"several for one", "PUT", "/a", `[{"cost":1},{"cost":2}]`, "", 400, `the path names record \"a\"`},
		{"no id", "PATCH", "", `[{"cost":1}]`, "", 400, "record 1 has no id"},
		{"nothing", "PATCH", "/a", ``, "", 400, "no records"},
		{"not JSON", "PATCH", "/a", `{"cost":`, "", 400, "the JSON ends in the middle"},
		{"a number", "PUT", "/a", `7`, "", 400, `"code":"DataValidationError"`},
		{"a name that cannot be", "PATCH", "/a", `{"cost":1}`, strings.Repeat("k", 2000), 400, `"code":"DataValidationError"`},
	} {
		c.try(t, server.URL)
	}
	if status, got := call(t, http.MethodPatch, server.URL+"/v1/resources/produce/records/a", `{"cost":1}`); status != http.StatusNotFound {
		t.Errorf("an unknown resource: got %d %s, want 404", status, got)
	}
	a.holds(map[string]string{"a": `{"colour":"blue","cost":20,"id":"a"}`, "7": `{"cost":70,"id":7}`})
	a.counted(2 + 1 + 2 + 1 + 1 + 1) // the third made a training due
}

func TestDelete(t *testing.T) {
	server, a := controlled(t)
	call(t, http.MethodPost, server.URL+"/v1/resources/products/records", `[{"id":"a"},{"id":"b"},{"id":7},{"id":"d"}]`)
	for _, c := range []change{
		{"one", "DELETE", "/a", "", "one", 200, updated("1", "")},
		{"the same again", "DELETE", "/a", "", "one", 200, updated("1", "")},
		{"the same with another key", "DELETE", "/a", "", "two", 404, `has no record \"a\"`},
		{"a list", "DELETE", "", `["b",7]`, "three", 200, updated("2", "")},
		{"the list again", "DELETE", "", `["b",7]`, "three", 200, updated("2", "")},
		{"one of a list is unknown", "DELETE", "", `["d","e"]`, "", 404, `has no record \"e\"`},
		{"an empty list", "DELETE", "", `[]`, "", 400, "a deletion needs a list of ids"},
		{"null", "DELETE", "", `null`, "", 400, "a deletion needs a list of ids"},
		{"nothing", "DELETE", "", ``, "", 400, "a deletion needs a list of ids"},
		{"records", "DELETE", "", `[{"id":"d"}]`, "", 400, "record 1 has no id"},
		{"not JSON", "DELETE", "", `["d"`, "", 400, "a deletion needs a list of ids"},
	} {
		c.try(t, server.URL)
	}
	a.holds(map[string]string{"d": `{"id":"d"}`})
	a.counted(4) // a deletion is no row
	c := change{"comes back", "POST", "", `[{"id":"a","cost":5}]`, "", 200, `"inserted":1`}
	c.try(t, server.URL)
	c = change{"the deletion once more", "DELETE", "/a", "", "one", 200, updated("1", "")}
	c.try(t, server.URL)
	a.holds(map[string]string{"d": `{"id":"d"}`, "a": `{"cost":5,"id":"a"}`})
}
