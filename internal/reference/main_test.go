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
	all := files(s)
	if all["metrics.md"], err = metrics(); err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the code says: go run ./internal/reference docs", name)
		}
	}
}
