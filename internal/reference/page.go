package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"
)

// page returns the reference as Markdown: a table for each group of keys.
func page(s *jsonschema.Schema) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	groups := []group{{"", s.Ref}}
	seen := map[string]bool{s.Ref: true}
	for i := 0; i < len(groups); i++ {
		groups = append(groups, groups[i].write(&b, s, seen)...)
	}
	return b.Bytes()
}

const head = `# retrain.yaml

Flags come before the environment (` + "`RETRAIN_…`" + `), the environment before the file, the file before the defaults. An unknown key is an
error that names the nearest known one. A duration is written like ` + "`30s` or `24h`" + `, or as a number of milliseconds. Credentials are read
from the environment or found as AWS does, and from a file only where nobody else can read it.

Editors complete and check the file with [retrain.schema.json](retrain.schema.json):

    # yaml-language-server: $schema=docs/retrain.schema.json

This page is written by ` + "`go run ./internal/reference docs`" + ` from the types that read the file.
`

// A group is keys that stand together.
type group struct {
	path string // like models.NAME.
	ref  string
}

// write writes the group, and returns those below it that were not seen.
func (g group) write(b *bytes.Buffer, s *jsonschema.Schema, seen map[string]bool) (below []group) {
	what := s.Definitions[strings.TrimPrefix(g.ref, "#/$defs/")]
	title := strings.TrimSuffix(g.path, ".")
	if title == "" {
		title = "The file"
	} else {
		title = "`" + title + "`"
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | value | meaning |\n| --- | --- | --- |\n", title, sentence(what.Description))
	for p := what.Properties.Oldest(); p != nil; p = p.Next() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", p.Key, value(p.Value), cell(p.Value.Description))
		ref, path := inside(p.Value, g.path+p.Key)
		if ref != "" && !seen[ref] {
			seen[ref] = true
			below = append(below, group{path + ".", ref})
		}
	}
	return below
}

// inside returns what a key's value, or each of its elements, refers to, and under which path.
func inside(v *jsonschema.Schema, path string) (ref, at string) {
	switch {
	case v.Ref != "":
		return v.Ref, path
	case v.AdditionalProperties != nil && v.AdditionalProperties.Ref != "":
		return v.AdditionalProperties.Ref, path + ".NAME"
	case v.Items != nil && v.Items.Ref != "":
		return v.Items.Ref, path + "[]"
	}
	return "", path
}

// value names what may stand behind a key.
func value(v *jsonschema.Schema) string {
	switch {
	case v.Title != "":
		return v.Title
	case v.Enum != nil:
		words := make([]string, len(v.Enum))
		for i, e := range v.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, ", ")
	case v.Ref != "":
		return "keys, see below"
	case v.Type == "array":
		return "list"
	case v.Type == "object":
		return "names with values"
	case v.Type == "":
		return "any"
	}
	return map[string]string{"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[v.Type]
}

func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", "\\|")
}

// sentence returns a type's comment without the name that it begins with.
func sentence(text string) string { return strings.ReplaceAll(text, "\n", " ") }
