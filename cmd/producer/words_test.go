package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// What people are told is compared with testdata: go test ./cmd/producer -update writes it anew.
func TestWords(t *testing.T) {
	asksNothing := []string{"no-question", "not-a-version", "unknown-format"} // but needs to know where it would ask
	for _, test := range []struct {
		name string
		args string
		code int
	}{
		{"help", "--help", 0},
		{"help-of-a-command", "train --help", 0},
		{"help-by-word", "help insert", 0},
		{"help-alone", "help", 0},
		{"help-of-nothing", "help trian", 2},
		{"no-command", "", 0},
		{"unknown-command", "trian price", 2},
		{"unknown-flag", "train price --wiat", 2},
		{"unknown-flag-json", "train price --wiat --json", 2},
		{"flag-of-another-command", "models --wait", 2},
		{"flag-without-value", "predict price --features", 2},
		{"wrong-value", "runs price --limit many", 2},
		{"missing-name", "train", 2},
		{"too-many-names", "train price cost", 2},
		{"too-many-names-json", "train price cost --json", 2},
		{"no-question", "predict price", 2},
		{"not-a-version", "promote price best", 2},
		{"unknown-format", "insert products data.csv --format xml", 2},
		{"nothing-configured", "models", 1},
		{"nothing-configured-json", "models --json", 1},
		{"no-such-file", "models --config nowhere.yaml", 1},
		{"bad-key", "apply -n -f testdata/bad-key.yaml", 1},
		{"bad-key-json", "apply -n -f testdata/bad-key.yaml --json", 1},
		{"dry-run", "apply -n -f testdata/good.yaml", 0},
		{"dry-run-json", "apply -n -f testdata/good.yaml --json", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := strings.Fields(test.args)
			if slices.Contains(asksNothing, test.name) {
				args = append(args, "--config", "testdata/connection.yaml")
			}
			r := typed(t.Context(), "", args...)
			if r.code != test.code {
				t.Errorf("exit %d, want %d", r.code, test.code)
			}
			golden(t, test.name, "$ producer "+test.args+"\n"+r.stdout+"--- stderr\n"+r.stderr)
		})
	}
}

// docs/producer.md is what every command says of itself.
func TestReference(t *testing.T) {
	p := new(program)
	var page strings.Builder
	page.WriteString("# producer\n\nWhat every command says with `--help`, and all of them together. This page is written by\n`go test ./cmd/producer -update`.\n")
	help := func(title string, args ...string) {
		r := typed(t.Context(), "", append(args, "--help")...)
		fmt.Fprintf(&page, "\n## %s\n\n```text\n%s\n```\n", title, strings.TrimSpace(r.stdout))
	}
	help("All commands")
	for _, c := range p.commands() {
		help(c.Name, c.Name)
	}
	same(t, filepath.Join("..", "..", "docs", "producer.md"), page.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	same(t, filepath.Join("testdata", "words", name+".txt"), got)
}

// same compares a text with a file, or writes it with -update.
func same(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestArrange(t *testing.T) {
	tree := new(program).tree()
	for _, test := range []struct{ name, args, want string }{
		{"flags behind names", "train price --wait", "train --wait price"},
		{"flags of everybody behind", "train price --json --wait", "--json train --wait price"},
		{"a value by itself", "predict price --features {} --config f", "--config=f predict --features={} price"},
		{"a value with a dash", "insert products - --batch-id -x", "insert --batch-id=-x products -"},
		{"what follows two dashes", "train -- --json", "train -- --json"},
		{"help of a command, whatever is named", "train price --help", "train --help"},
		{"help before a command", "help train price --wait", "train --help --wait"},
		{"an alias", "retrain price -w", "retrain -w price"},
		{"a switch with a value", "train price --reset-weights=false", "train --reset-weights=false price"},
	} {
		got, err := arrange(tree, append([]string{"producer"}, strings.Fields(test.args)...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := strings.Join(got[1:], " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
