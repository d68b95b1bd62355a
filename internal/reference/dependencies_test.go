package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Whoever asks for another module says why.
func TestEachDependencyHasItsReason(t *testing.T) {
	page, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(page), -1) {
		named = append(named, row[1])
	}
	file, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for line := range strings.Lines(string(file)) {
		if at := strings.Index(line, " v"); strings.HasPrefix(line, "\t") && at > 0 && !strings.Contains(line, "// indirect") {
			asked = append(asked, strings.TrimSpace(line[:at]))
		}
	}
	slices.Sort(named)
	slices.Sort(asked)
	if !slices.Equal(named, asked) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(named, "\n"), strings.Join(asked, "\n"))
	}
}
