package main

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	s := newStage(t)
	file := s.write("retrain.yaml", declared)
	if got := s.ok("diff", "-f", file); !strings.Contains(got, "+ resources/products\n") || !strings.Contains(got, "    trainAfterInserts: 5\n") ||
		strings.Index(got, "resources/") > strings.Index(got, "models/") {
		t.Errorf("of what is new: got\n%s", got)
	}
	s.applied()
	if got := s.ok("diff", "-f", file); got != "nothing would change\n" {
		t.Errorf("of what is so: got\n%s", got)
	}
	changed := s.write("changed.yaml", `
models:
  price: {type: regression, resource: products, features: [cost], target: price, filter: "price > 1", trainAfterInserts: 5, minTrainingSamples: 3, modelConfig: {epochs: 7}}
`)
	want := `~ models/price
    autoTrain: true, left out
    filter: "price > 0" → "price > 1"
    modelConfig.epochs: 7
  resources/products stays as it is
  models/never stays as it is
`
	if got := s.ok("diff", "-f", changed); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var answer struct {
		Differences []struct {
			Name    string
			New     bool
			Changes []struct{ Key string }
		}
		Others []string
	}
	if s.json(&answer, "diff", "-f", changed); len(answer.Differences) != 1 || len(answer.Differences[0].Changes) != 3 || answer.Differences[0].New || len(answer.Others) != 2 {
		t.Errorf("got %+v", answer)
	}
	s.ok("diff", "-f", file) // and nothing was stored
	if got := s.ok("diff", "-f", file); got != "nothing would change\n" {
		t.Errorf("after diffs: got\n%s", got)
	}
}
