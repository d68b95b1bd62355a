package migrate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

func choice(condition, x, y string) string {
	if strings.ContainsAny(condition, "?") {
		condition = grouped(condition)
	}
	return condition + " ? " + grouped(x) + " : " + grouped(y)
}

// grouped puts an expression that has several parts between parentheses.
func grouped(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil || isWord(strings.ReplaceAll(text, ".", "_")) || closes(text) {
		return text
	}
	if _, err := strconv.Unquote(text); err == nil {
		return text
	}
	return "(" + text + ")"
}

// closes reports whether a text is one pair of brackets, with a name before it or none.
func closes(text string) bool {
	from := strings.IndexAny(text, "([")
	if from < 0 || from > 0 && text[0] != '$' && !isWord(text[:from]) {
		return false
	}
	depth, quoted := 0, false
	for i, r := range text[from:] {
		switch {
		case r == '"' && text[from+i-1] != '\\':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		}
		if depth == 0 {
			return from+i == len(text)-1
		}
	}
	return false
}

// fieldName returns a field as expressions name it.
func fieldName(path string) string {
	first, rest, nested := strings.Cut(path, ".")
	if !isWord(first) || slices.Contains(reserved, first) || nested && !isWord(strings.ReplaceAll(rest, ".", "_")) {
		return "$env[" + strconv.Quote(path) + "]"
	}
	return path
}

func isWord(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// sortedKeys returns the keys of a map, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
