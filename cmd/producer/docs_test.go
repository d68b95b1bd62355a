package main

import (
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
