package app

import (
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"retrain"
)

// scalar converts a text, number or boolean.
func (w *walk) scalar(n *yaml.Node, t reflect.Type, path string) any {
	tag := n.ShortTag()
	switch {
	case n.Kind != yaml.ScalarNode:
	case t.Kind() == reflect.String && (tag == "!!str" || tag == "!!timestamp"):
		return n.Value
	case t.Kind() == reflect.Bool && tag == "!!bool", whole(t) && tag == "!!int", t.Kind() == reflect.Float64 && (tag == "!!int" || tag == "!!float"):
		return w.any(n, path, 0)
	}
	hint := ""
	if t.Kind() == reflect.String && n.Kind == yaml.ScalarNode {
		hint = "; put it in quotes"
	}
	w.problemf(n, path, "must be %s, not %s%s", wanted(t), found(n), hint)
	return nil
}

func whole(t reflect.Type) bool { return t.Kind() == reflect.Int || t.Kind() == reflect.Uint64 }

// wanted names what a Go type stands for.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[retrain.Duration]():
		return "a duration such as 30s or 24h, or a number of milliseconds"
	case reflect.TypeFor[retrain.Names]():
		return "a name or a list of names"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "keys with values"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	}
	return "a number"
}

// found names what stands in the file.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	}
	return "the text " + quoted(n.Value)
}

func quoted(s string) string {
	const most = 40
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return `"` + s + `"`
}
