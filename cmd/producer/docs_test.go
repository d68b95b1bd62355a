package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Lines of blocks, and commands within sentences.
var (
	fenced = regexp.MustCompile("(?ms)^```(?:sh|console)\n(.*?)^```")
	inline = regexp.MustCompile("`(producer [a-z][^`]*)`")
)

// Every command of the pages is one: its flags are known, and there are neither too few names nor too many. Those in blocks are
// typed as well, by the tests of the examples.
func TestCommandsInPages(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../README.md", "../../docs/*.md", "../../examples/*/README.md", "../../deploy/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	tree := new(program).tree()
	n := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandsOf(string(text)) {
			n++
			words := wordsOf(line)
			if _, err := arrange(tree, words); err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d commands were found", n)
	}
	t.Logf("%d commands", n)
}

// So are those that commands' help shows. They are typed where nothing answers: what is left to fail is not how they are written.
func TestCommandsInHelp(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{"PREDICT_URL": "http://127.0.0.1:1", "REDIS_ADDR": "127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:1", "S3_BUCKET": "b", "S3_ACCESS_KEY_ID": "k", "S3_SECRET_ACCESS_KEY": "s"} {
		t.Setenv("RETRAIN_"+name, value)
	}
	nowhere, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for _, c := range new(program).commands() {
		before := n
		for line := range strings.Lines(c.Description) {
			line, shown := strings.CutPrefix(line, "  ")
			if !shown {
				continue
			}
			line, _, _ = strings.Cut(strings.TrimSpace(line), "  ") // what it does stands beside it
			for part := range strings.SplitSeq(line, "|") {
				_, command, is := strings.Cut(part, "producer ")
				if !is {
					continue
				}
				n++
				if r := typed(nowhere, "resources: {products: {}}", wordsOf(strings.TrimRight(command, ")"))...); r.code == 2 {
					t.Errorf("%s: %s", line, r.stderr)
				}
			}
		}
		if n == before {
			t.Errorf("%s shows no example", c.Name)
		}
	}
	t.Logf("%d commands", n)
}

// commandsOf returns the commands of a page.
func commandsOf(page string) (lines []string) {
	for _, block := range fenced.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			for part := range strings.SplitSeq(strings.TrimPrefix(line, "$ "), "|") {
				if part = strings.TrimSpace(part); strings.HasPrefix(part, "producer ") {
					lines = append(lines, part)
				}
			}
		}
	}
	for _, m := range inline.FindAllStringSubmatch(page, -1) {
		lines = append(lines, m[1])
	}
	return lines
}

// wordsOf splits a line as a shell does, up to a comment or where the output goes.
func wordsOf(line string) (words []string) {
	var word strings.Builder
	quote, quoted := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, quoted = r, true
		case quote == 0 && (r == ' ' || r == '\n'):
			if quoted || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			quoted = false
		default:
			word.WriteRune(r)
		}
	}
	if i := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w[:min(len(w), 1)], "#<>&;…") }); i > 0 {
		words = words[:i]
	}
	return words
}
