package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"retrain"
)

func TestInit(t *testing.T) {
	s := newStage(t).works()
	file := s.write("pro ducts.csv", "id,cost,colour,price\n"+strings.Repeat("a,1,red,2.5\nb,2,blue,5\nc,4,red,10\n", 20))
	out := filepath.Join(s.TempDir(), "retrain.yaml")
	var answer struct {
		File, Resource, Model, Type, Target string
		Features                            []string
	}
	if s.json(&answer, "init", file, "-o", out); answer.Resource != "pro_ducts" || answer.Model != "price" || answer.Type != "regression" || len(answer.Features) != 2 {
		t.Errorf("got %+v", answer)
	}
	s.ok("apply", "-f", out)
	s.ok("insert", "pro_ducts", file)
	if got := s.ok("init", file, "-o", "-", "--type", "classification", "--model", "worth"); !strings.Contains(got, "\n  worth:\n    type: classification ") {
		t.Errorf("got %s", got)
	}
	before, _ := os.ReadFile(out)
	s.fails(retrain.ConflictError, "exists already", "init", file, "-o", out)
	if after, _ := os.ReadFile(out); string(before) != string(after) {
		t.Error("the file was overwritten")
	}
	s.fails(retrain.DataValidationError, `no field "nowhere"`, "init", file, "-o", "-", "--target", "nowhere")
	s.fails(retrain.DataValidationError, "empty", "init", s.write("empty.csv", ""), "-o", "-")
	s.fails(retrain.DataValidationError, "no records", "init", s.write("header.csv", "a,b\n"), "-o", "-")
}
