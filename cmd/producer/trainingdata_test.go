package main

import (
	"strings"
	"testing"

	"retrain"
	"retrain/api"
)

func TestTrainingData(t *testing.T) {
	s := newStage(t).works()
	s.ok("apply", "-f", s.write("retrain.yaml", strings.ReplaceAll(declared, "filter:", "saveTrainingData: true\n    map: {twice: cost * 2}\n    filter:")))
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.fails(retrain.ModelNotTrainedError, "no version yet", "training-data", "never")
	s.ok("train", "price", "--wait")
	var saved api.TrainedOn
	if s.json(&saved, "training-data", "price"); saved.ModelName != "price" || saved.Samples != 5 || len(saved.Data) != 5 || saved.SavedAt.IsZero() {
		t.Errorf("got %+v", saved)
	}
	if got := s.ok("training-data", "price", "--version", "1"); strings.Count(got, "\n") != 5 || !strings.Contains(got, `"features":{"cost":`) {
		t.Errorf("got %s", got)
	}
	s.applied().ok("train", "price", "--wait")
	s.fails(retrain.NotFoundError, "were not saved", "training-data", "price")
	s.fails(retrain.NotFoundError, "no version 9", "training-data", "price", "--version", "9")
}
