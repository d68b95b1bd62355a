package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"retrain"
)

// holds compares what is stored of products with JSON lines.
func (s *stage) holds(want ...string) {
	s.Helper()
	if got := strings.Fields(s.ok("records", "products")); !slices.Equal(got, want) {
		s.Errorf("stored are %s\nwant %s", got, want)
	}
}

func TestUpdate(t *testing.T) {
	s := newStage(t).applied()
	s.ok("insert", "products", s.write("two.csv", "id,cost,price,colour\np1,10,20,red\np2,11,22,blue\n"))
	var a retrain.Updated
	s.json(&a, "update", "products", s.write("changes.csv", "id,cost\np1,12\n"))
	if want := (retrain.Updated{Resource: "products", Updated: 1, Triggered: []string{}}); !reflect.DeepEqual(a, want) {
		t.Errorf("got %+v, want %+v", a, want)
	}
	s.holds(`{"colour":"blue","cost":11,"id":"p2","price":22}`, `{"colour":"red","cost":12,"id":"p1","price":20}`)
	r := s.typed(t.Context(), "{\"id\":\"p1\",\"price\":30}\n{\"id\":\"p2\",\"cost\":1}\n", "update", "products", "-")
	if r.code != 0 || r.stdout != "2 records of products updated\ntraining of price is due\n" {
		t.Errorf("from stdin: %+v", r)
	}
	if r := s.typed(t.Context(), `{"id":"p2","cost":5,"price":9}`, "update", "products", "--replace", "--json"); r.code != 0 ||
		r.stdout != `{"resource":"products","updated":1,"triggered":[]}`+"\n" {
		t.Errorf("replaced: %+v", r)
	}
	want := []string{`{"colour":"red","cost":12,"id":"p1","price":30}`, `{"cost":5,"id":"p2","price":9}`}
	s.holds(want...)
	var st statuses
	if s.json(&st, "status", "price"); st.Models[0].InsertsSinceTraining != 2+1+2+1 {
		t.Errorf("%d rows were counted, want 6", st.Models[0].InsertsSinceTraining)
	}

	s.fails(retrain.NotFoundError, `resource "products" has no record "p7", "p8"`, "update", "products",
		s.write("unknown.jsonl", `{"id":"p1","cost":0}`+"\n"+`{"id":"p7"}`+"\n"+`{"id":"p8"}`+"\n"))
	s.fails(retrain.DataValidationError, "record 1 has no id", "update", "products", s.write("nameless.jsonl", `{"cost":0}`))
	s.fails(retrain.DataValidationError, "broken.jsonl: line 1", "update", "products", s.write("broken.jsonl", `{"id":"p1",`))
	s.fails(retrain.DataValidationError, "none.jsonl is empty", "update", "products", s.write("none.jsonl", ""))
	s.fails(retrain.NotFoundError, `no resource "goods"`, "update", "goods", s.write("one.jsonl", `{"id":"p1"}`))
	s.holds(want...)
}

func TestDelete(t *testing.T) {
	s := newStage(t).applied()
	s.ok("insert", "products", s.write("four.jsonl", "{\"id\":\"p1\"}\n{\"id\":\"p2\"}\n{\"id\":3}\n{\"id\":\"p4\"}\n"))
	var a retrain.Updated
	s.json(&a, "delete", "products", "p1", "3")
	if want := (retrain.Updated{Resource: "products", Updated: 2, Triggered: []string{}}); !reflect.DeepEqual(a, want) {
		t.Errorf("got %+v, want %+v", a, want)
	}
	s.holds(`{"id":"p2"}`, `{"id":"p4"}`)
	s.fails(retrain.NotFoundError, `has no record "p1", "p9"`, "delete", "products", "p1", "p2", "p9")
	s.fails(retrain.NotFoundError, `no resource "goods"`, "delete", "goods", "p1")
	s.fails(retrain.DataValidationError, "no records are named", "delete", "products", "-")
	s.holds(`{"id":"p2"}`, `{"id":"p4"}`)
	if r := s.typed(t.Context(), "p2\n\n p4 \n", "delete", "products", "-"); r.code != 0 || r.stdout != "2 records of products deleted\n" {
		t.Errorf("from stdin: %+v", r)
	}
	s.holds()
	s.ok("insert", "products", s.write("again.jsonl", `{"id":"p1","cost":1}`)) // it may come back
	s.holds(`{"cost":1,"id":"p1"}`)
	s.ok("apply", "-f", s.write("lake.yaml", "resources: {lake: {source: files, files: {prefix: lake/}}}"))
	s.fails(retrain.DataValidationError, `resource "lake" is read from files`, "delete", "lake", "p1")
}
