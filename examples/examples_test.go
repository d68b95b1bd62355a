// Package examples_test types what the pages of the examples and of docs say, and compares what is printed.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the programs")
	}
	bin := build(t)
	pages, err := filepath.Glob("*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, docs...)
	for _, page := range pages {
		steps := stepsOf(t, page)
		if len(steps) == 0 {
			continue
		}
		t.Run(strings.TrimSuffix(page, "/README.md"), func(t *testing.T) {
			t.Parallel()
			r := newReader(t, bin)
			for _, s := range steps {
				r.do(s)
			}
		})
	}
}

// build builds the programs as `make build` does, and returns their folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "retrain/cmd/producer", "retrain/cmd/standalone").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// A step is a command of a page, and what it prints.
type step struct {
	command string
	want    []string // lines
}

// stepsOf reads the blocks of a page that are fenced as console: "$ " begins a command, the lines after it are what it prints.
func stepsOf(t *testing.T, page string) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case inside && begins:
			steps = append(steps, step{command: command})
		case inside:
			last := &steps[len(steps)-1]
			last.want = append(last.want, line)
		}
	}
	return steps
}

// matches compares lines: "..." stands for any text, alone on a line for any number of lines.
func matches(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0] == "...":
		return matches(want[1:], got) || len(got) > 0 && matches(want, got[1:])
	}
	return len(got) > 0 && matchesLine(want[0], got[0]) && matches(want[1:], got[1:])
}

func matchesLine(want, got string) bool {
	first, rest, found := strings.Cut(want, "...")
	if !found || !strings.HasPrefix(got, first) {
		return want == got
	}
	for got = got[len(first):]; ; got = got[1:] {
		if matchesLine(rest, got) {
			return true
		} else if got == "" {
			return false
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		want, got string
		is        bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "a\nb", false},
		{"a...", "abc", true},
		{"a...c...", "abcd", true},
		{"a...c", "abcd", false},
		{"...", "a\nb", true},
		{"...\nb", "a\nb", true},
		{"...\nb\n...", "a\nb", true},
		{"...\nc", "a\nb", false},
		{"r2 0.9...  rmse ...", "r2 0.95  rmse 3", true},
		{"r2 0.9...  rmse ...", "r2 0.89  rmse 3", false},
	} {
		if is := matches(strings.Split(test.want, "\n"), strings.Split(test.got, "\n")); is != test.is {
			t.Errorf("%q and %q: got %v", test.want, test.got, is)
		}
	}
}
