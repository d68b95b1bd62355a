package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestReferenceIsUpToDate(t *testing.T) {
	s, err := schema("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files(s) {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the types say: go run ./internal/reference docs", name)
		}
	}
}
