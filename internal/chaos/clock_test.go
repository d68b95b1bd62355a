package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// tells is a program that says the time, and how much has passed since the last, whenever it is asked.
const tells = `package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

func main() {
	for before, asked := time.Now(), bufio.NewScanner(os.Stdin); asked.Scan(); {
		now := time.Now()
		fmt.Println(now.UnixMilli(), now.Sub(before).Milliseconds())
		before = now
	}
}
`

// Where the test began: an S3 gateway, of another test, moves to a folder that is gone after it, where no toolchain runs.
var home, _ = os.Getwd()

// A program goes by the clock that it was given, at its start and when that jumps; what passes is what passes.
func TestAClockIsOff(t *testing.T) {
	if err := os.Chdir(home); err != nil { //nolint:usetesting // t.Chdir would have to come back to what is gone
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, err := overlay(t.Context(), filepath.Join(dir, "time"))
	if err != nil {
		t.Fatal(err)
	}
	source, program := filepath.Join(dir, "tells.go"), filepath.Join(dir, "tells")
	if err := os.WriteFile(source, []byte(tells), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c := clock{filepath.Join(dir, "clock")}
	ask := told(t, program, c)
	for _, off := range []time.Duration{-7 * time.Minute, 0, 11 * time.Minute} {
		if err := c.set(off); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		at, passed := ask()
		if early := began.Add(off - time.Second); at.Before(early) || at.After(time.Now().Add(off)) {
			t.Errorf("off by %v: got %v, want %v", off, at, began.Add(off))
		}
		if passed < 0 || passed > time.Minute {
			t.Errorf("off by %v: %v passed", off, passed)
		}
	}
}

// told starts the program and returns what asks it.
func told(t *testing.T, program string, c clock) func() (at time.Time, passed time.Duration) {
	t.Helper()
	if err := c.set(time.Hour); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), c.env())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), cmd.Wait() })
	answers := bufio.NewReader(out)
	return func() (time.Time, time.Duration) {
		fmt.Fprintln(in)
		var at, passed int64
		if _, err := fmt.Fscan(answers, &at, &passed); err != nil {
			t.Fatal(err)
		}
		return time.UnixMilli(at), time.Duration(passed) * time.Millisecond
	}
}
