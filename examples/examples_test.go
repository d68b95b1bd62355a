// Package examples_test types every command of every page, in a folder like the checkout after make build: standalone in one
// terminal, the rest in another one. What is printed is compared where the page shows it. scenes says what a page takes for
// granted, and which few commands are not typed.
package examples_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the programs")
	}
	bin := build(t)
	unseen := maps.Clone(scenes)
	for _, page := range pages(t) {
		steps := stepsOf(t, page)
		if len(steps) == 0 {
			continue
		}
		delete(unseen, page)
		t.Run(strings.Trim(strings.ReplaceAll(page, "/", "-"), ".-"), func(t *testing.T) {
			t.Parallel()
			r := newReader(t, bin)
			r.enter(page)
			for _, s := range steps {
				r.read(s)
			}
			r.leave()
		})
	}
	for page := range unseen {
		t.Errorf("%s has no commands", page)
	}
}

func pages(t *testing.T) (list []string) {
	t.Helper()
	for _, pattern := range []string{"../README.md", "../docs/*.md", "*/README.md", "../deploy/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	return slices.DeleteFunc(list, func(page string) bool { return strings.HasSuffix(page, "docs/producer.md") }) // which cmd/producer makes
}

// build builds the programs as `make build` does, and returns their folder.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, "retrain/cmd/producer", "retrain/cmd/standalone", "retrain/internal/demo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
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
