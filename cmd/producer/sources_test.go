package main

import (
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// Records of files are printed and counted like those that were inserted, and cannot be inserted.
func TestRecordsOfFiles(t *testing.T) {
	s := newStage(t)
	a, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for key, text := range map[string]string{"lake/1.csv": "id,cost,colour\na,1,red\nb,2,blue\n", "lake/2.jsonl": `{"id":"c","cost":3,"colour":"red"}`} {
		if _, err := a.Bucket.Put(t.Context(), key, []byte(text), s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	s.ok("apply", "-f", s.write("retrain.yaml", `
resources:
  lake: {source: files, files: {prefix: lake/}, partitions: {byColour: [colour]}}
  old: {source: s3db, s3db: {prefix: nothing/here}}
`))
	if got, want := s.ok("records", "lake"), `{"colour":"red","cost":1,"id":"a"}`+"\n"+`{"colour":"blue","cost":2,"id":"b"}`+"\n"+`{"colour":"red","cost":3,"id":"c"}`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := strings.TrimSpace(s.ok("records", "lake", "--partition", "byColour", "--values", "colour=red", "--count")); got != "2" {
		t.Errorf("counted %s, want 2", got)
	}
	s.fails(retrain.DataValidationError, "is read from files", "insert", "lake", s.write("more.csv", "cost\n4\n"))
	s.fails(retrain.ModelConfigError, "there is no s3db.json", "records", "old", "--count")
	s.fails(retrain.ModelConfigError, "there is no s3db.json", "records", "old", "--partition", "byDay", "--values", "day=2026-03-01")
}
