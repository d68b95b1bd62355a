package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"gopkg.in/yaml.v3"

	"retrain"
)

// A walk turns YAML nodes into JSON values, and compares them with the Go type that they are meant for: its fields' JSON
// names are the known keys, so that what is known and what is read cannot drift apart.
type walk struct {
	file     string
	lines    map[string]int
	problems []string
	hint     string
	budget   int // nodes left
}

func (w *walk) err() error {
	if len(w.problems) == 0 {
		return nil
	}
	shown := w.problems[:min(len(w.problems), maxListed)]
	text := strings.Join(shown, "\n")
	if more := len(w.problems) - len(shown); more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return &retrain.Error{Code: retrain.ModelConfigError, Message: text, Hint: w.hint}
}

func (w *walk) problemf(n *yaml.Node, path, format string, args ...any) {
	text := fmt.Sprintf("%s:%d: ", w.file, n.Line)
	if path != "" {
		text += path + ": "
	}
	w.problems = append(w.problems, text+fmt.Sprintf(format, args...))
}

// value returns the node as a JSON value for a Go type. What does not fit is noted as a problem.
func (w *walk) value(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if w.budget--; w.budget < 0 || depth < 0 {
		if w.budget > -2 || depth < 0 {
			w.problemf(n, "", "nested too deeply, or too many aliases")
		}
		w.budget = -2
		return nil
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return w.value(n.Alias, t, path, depth-1)
	case n.ShortTag() == "!!null" && n.Kind == yaml.ScalarNode:
		return nil // as if it had been left out
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return w.custom(n, t, path, depth)
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return w.mapping(n, t, path, depth)
	case reflect.Slice:
		return w.sequence(n, t, path, depth)
	case reflect.Interface:
		return w.any(n, path, depth)
	}
	return w.scalar(n, t, path)
}

// custom converts for a type that reads JSON its own way, and lets it try.
func (w *walk) custom(n *yaml.Node, t reflect.Type, path string, depth int) any {
	v := w.any(n, path, depth)
	b, err := json.Marshal(v)
	if err != nil {
		return v // noted by any
	}
	err = json.Unmarshal(b, reflect.New(t).Interface())
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		w.problemf(n, path, "%s", e.Message)
		w.hint = e.Hint
	} else if err != nil {
		w.problemf(n, path, "must be %s", wanted(t))
	}
	return v
}

// any converts a node whose meaning is free.
func (w *walk) any(n *yaml.Node, path string, depth int) any {
	switch n.Kind {
	case yaml.MappingNode:
		return w.mapping(n, reflect.TypeFor[map[string]any](), path, depth)
	case yaml.SequenceNode:
		return w.sequence(n, reflect.TypeFor[[]any](), path, depth)
	case yaml.AliasNode:
		return w.value(n, reflect.TypeFor[any](), path, depth)
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err == nil && finite(v) {
			return v
		}
		w.problemf(n, path, "%s is not a number that can be kept", n.Value)
		return nil
	}
	return n.Value // dates too: they are text in JSON
}

func finite(v any) bool {
	f, ok := v.(float64)
	return !ok || !math.IsNaN(f) && !math.IsInf(f, 0)
}

func (w *walk) sequence(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if n.Kind != yaml.SequenceNode {
		w.problemf(n, path, "must be %s, not %s", wanted(t), found(n))
		return nil
	}
	list := make([]any, 0, len(n.Content))
	for i, item := range n.Content {
		list = append(list, w.value(item, t.Elem(), fmt.Sprintf("%s.%d", path, i), depth-1))
	}
	return list
}

// mapping converts the keys of a struct or a map. "<<" takes over what the mapping behind it says, unless said anew.
func (w *walk) mapping(n *yaml.Node, t reflect.Type, path string, depth int) any {
	if n.Kind != yaml.MappingNode {
		w.problemf(n, path, "must be %s, not %s", wanted(t), found(n))
		return nil
	}
	values := make(map[string]any, len(n.Content)/2)
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			w.merge(values, item, t, path, depth-1)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			w.problemf(key, path, "a key must be a name, not %s", found(key))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			w.problemf(key, path, "key %q again; it stood in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		inner, ok := w.known(key, t, path)
		if !ok {
			continue
		}
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		w.lines[at] = key.Line
		if v := w.value(item, inner, at, depth-1); v != nil || t.Kind() == reflect.Map {
			values[key.Value] = v
		}
	}
	return values
}

func (w *walk) merge(values map[string]any, n *yaml.Node, t reflect.Type, path string, depth int) {
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	for _, source := range sources {
		more, _ := w.value(source, t, path, depth).(map[string]any)
		for key, v := range more {
			if _, said := values[key]; !said {
				values[key] = v
			}
		}
	}
}

// known returns the type behind a key.
func (w *walk) known(key *yaml.Node, t reflect.Type, path string) (reflect.Type, bool) {
	if t.Kind() == reflect.Map {
		return t.Elem(), true
	}
	fields := keys(t)
	if inner, ok := fields[key.Value]; ok {
		return inner, true
	}
	names := slices.Sorted(maps.Keys(fields))
	if near := Nearest(key.Value, names); near != "" {
		w.problemf(key, path, "unknown key %q, did you mean %q?", key.Value, near)
	} else {
		w.problemf(key, path, "unknown key %q; known are %s", key.Value, strings.Join(names, ", "))
	}
	return nil, false
}

// keys returns the types of a struct's fields by their names in JSON.
func keys(t reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "-" && name != "" {
			fields[name] = f.Type
		}
	}
	return fields
}

// Nearest returns the one of the names that was probably meant, and "" where none comes near.
func Nearest(given string, names []string) string {
	best, distance := "", max(2, len(given)/3)+1
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(given), strings.ToLower(name)); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	return best
}

func typeOf(v any) reflect.Type { return reflect.TypeOf(v).Elem() }
