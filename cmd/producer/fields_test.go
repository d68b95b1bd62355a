package main

import (
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// TestDriftIsSeen: a feature that becomes text, and a field that is new.
func TestDriftIsSeen(t *testing.T) {
	s := newStage(t).applied()
	worker := s.write("worker", "#!/bin/sh\necho '{\"checks\":[{\"name\":\"libtensorflow\",\"ok\":true,\"detail\":\"2.21.0\"}]}'\n")
	chmod(t, worker)
	s.ok("insert", "products", s.write("two.csv", "id,cost,price,colour\np1,10,20,red\np2,11,22,blue\n"))
	if got := s.ok("doctor", "--worker", worker); !strings.Contains(got, "of one kind each") || strings.Contains(got, "warn") {
		t.Errorf("doctor before:\n%s", got)
	}
	s.ok("insert", "products", s.write("one.jsonl", `{"id":"p3","cost":"12 €","price":24,"colour":7,"weight":1.5}`))
	var answer struct {
		Resource string
		Fields   []s3io.Field
	}
	s.json(&answer, "records", "products", "--fields")
	got := make(map[string]string)
	for _, f := range answer.Fields {
		for _, k := range f.Kinds {
			got[f.Name] += k.Kind + " "
			if k.From.IsZero() || k.To.Before(k.From) {
				t.Errorf("%s: from %v to %v", f.Name, k.From, k.To)
			}
		}
	}
	for name, want := range map[string]string{"id": "text ", "cost": "number text ", "price": "number ", "colour": "text number ", "weight": "number "} {
		if got[name] != want || answer.Resource != "products" {
			t.Errorf("%s of %s is %q, want %q", name, answer.Resource, got[name], want)
		}
	}
	if out := s.ok("records", "products", "--fields"); !strings.Contains(out, "fields of several kinds: 2") || !strings.Contains(out, "cost") {
		t.Errorf("for people:\n%s", out)
	}
	out := s.ok("doctor", "--worker", worker)
	for _, want := range []string{"warn", "price learns from products.cost, which is 2 times number, 1 times text", "hint: fields"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor says nothing of %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "products.colour") { // no model learns from it
		t.Errorf("doctor warns of a field that nobody learns from:\n%s", out)
	}
	s.fails(retrain.NotFoundError, `no resource "goods"`, "records", "goods", "--fields")
	if r := s.run("records", "products", "--fields", "--count"); r.code != 2 || !strings.Contains(r.stderr, "not with --count") {
		t.Errorf("with --count: %+v", r)
	}
}
