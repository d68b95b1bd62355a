package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestFilesAreWhatIsGenerated(t *testing.T) {
	for name := range files {
		f, err := os.Open(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, rows(name)) {
			t.Errorf("%s is not what `go run ./examples/generate examples` writes", name)
		}
	}
}
