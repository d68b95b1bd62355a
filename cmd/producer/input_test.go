package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
