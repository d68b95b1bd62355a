package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A process's wall clock is wrong where its programs are built with a package time of ours: the one of the toolchain, whose Now
// adds what a file says. So everything goes by it, the libraries too, and the programs that people use know nothing of it. What
// measures how time passes is right, as on a machine whose clock somebody sets.

//go:embed clock/skew.go.txt
var skewSource []byte

// The line of time.Now to which the skew is added, and what it becomes.
const (
	readsClock = "sec, nsec, mono := runtimeNow()\n"
	readsSkew  = readsClock + "\tsec += skew.Load()\n"
)

// overlay writes what the package time is to be, and returns the file to build with.
func overlay(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(folder, "time.go"))
	if err != nil {
		return "", err
	}
	if n := bytes.Count(source, []byte(readsClock)); n != 1 {
		return "", fmt.Errorf("%s/time.go reads the clock %d times as we know it: has Go changed?", folder, n)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	files := map[string][]byte{"time.go": bytes.Replace(source, []byte(readsClock), []byte(readsSkew), 1), "skew.go": skewSource}
	replace := make(map[string]string)
	for name, text := range files {
		ours := filepath.Join(dir, name)
		if err := os.WriteFile(ours, text, 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(folder, name)] = ours
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, b, 0o600)
}

// A clock is how far a process's is off, in a file that it looks at. It survives the process.
type clock struct{ file string }

// env is how a program is told.
func (c clock) env() string { return "CHAOS_CLOCK=" + c.file }

// set makes the clock jump: it is off by so much from now on. It is written where it is mapped, in one piece.
func (c clock) set(off time.Duration) error {
	f, err := os.OpenFile(c.file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(off/time.Second)), 0)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// The most that a clock is off. S3 itself refuses whoever is off by a quarter of an hour.
const mostOff = 12 * time.Minute

// drawSkew returns how far a clock is off: one in three is right, or nearly so, the others by minutes, either way.
func drawSkew(r *rand.Rand) time.Duration {
	if r.IntN(3) == 0 {
		return time.Duration(r.IntN(5)-2) * time.Second
	}
	return time.Duration(r.Int64N(int64(2*mostOff)) - int64(mostOff)).Truncate(time.Second)
}
