package typescript

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// typeOf returns the type of what a schema allows; indent stands before its lines but the first.
func typeOf(schema any, indent string) string {
	s, _ := schema.(object)
	if to, ok := s["$ref"].(string); ok {
		return to[strings.LastIndexByte(to, '/')+1:]
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if list, ok := s[key].([]any); ok {
			return union(list, func(v any) string { return typeOf(v, indent) })
		}
	}
	if list, ok := s["enum"].([]any); ok {
		return union(list, func(v any) string { return strings.ReplaceAll(text(v), `"`, "'") })
	}
	if list, ok := s["type"].([]any); ok {
		return union(list, func(v any) string {
			one := maps.Clone(s)
			one["type"] = v
			return typeOf(one, indent)
		})
	}
	switch s["type"] {
	case "string", "boolean", "null":
		return fmt.Sprint(s["type"])
	case "integer", "number":
		return "number"
	case "array":
		return "Array<" + typeOf(s["items"], indent) + ">"
	case "object":
		return objectOf(s, indent)
	}
	return "unknown"
}

func union(list []any, of func(any) string) string {
	kinds := make([]string, len(list))
	for i, v := range list {
		kinds[i] = of(v)
	}
	return strings.Join(kinds, " | ")
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "unknown"
	}
	return string(b)
}

func objectOf(s object, indent string) string {
	properties := at(s, "properties")
	if len(properties) == 0 {
		values := "unknown"
		if more, ok := s["additionalProperties"].(object); ok {
			values = typeOf(more, indent)
		}
		return "Record<string, " + values + ">"
	}
	required, _ := s["required"].([]any)
	var b strings.Builder
	b.WriteString("{\n")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		mark := "?"
		if slices.Contains(required, any(name)) {
			mark = ""
		}
		fmt.Fprintf(&b, "%s  %s%s: %s;\n", indent, name, mark, typeOf(properties[name], indent+"  "))
	}
	b.WriteString(indent + "}")
	return b.String()
}
