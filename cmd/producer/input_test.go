package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A named pipe can be read once, and an insert reads twice: to check, then to store.
func TestInputFromAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "records.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() { // ends when the other side has read it
		if err := os.WriteFile(pipe, []byte(sixRows), 0o600); err != nil {
			t.Error(err)
		}
	}()
	in, err := openInput(pipe, "", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	for pass := 1; pass <= 2; pass++ {
		rows := 0
		for _, err := range in.records() {
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
		if rows != 6 {
			t.Errorf("pass %d: %d records, want 6", pass, rows)
		}
	}
	if err := in.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(in.path); !os.IsNotExist(err) {
		t.Errorf("the copy was left behind: %v", err)
	}
}

func TestInputOfParquet(t *testing.T) {
	type row struct {
		Cost  float64 `parquet:"cost"`
		Color string  `parquet:"color"`
	}
	var file bytes.Buffer
	w := parquet.NewGenericWriter[row](&file)
	if _, err := w.Write([]row{{1.5, "red"}, {2, "blue"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := openInput(path, "", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range in.records() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%v %v%s", r["cost"], r["color"], r.ID()))
	}
	if want := []string{"1.5 red", "2 blue"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q: the insert gives them their ids", got, want)
	}
}
