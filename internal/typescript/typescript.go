// Package typescript writes the part of the TypeScript client that follows from the description of the HTTP API.
package typescript

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

type object = map[string]any

// Module returns a module with the types that a description names, and a class with a method for each operation. The class leaves to
// others how a request is sent. The description is of plain JSON values.
func Module(description object) string {
	var b strings.Builder
	b.WriteString("// Written by `go test ./internal/typescript -update` from docs/openapi.json: do not edit.\n")
	schemas := at(description, "components", "schemas")
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		fmt.Fprintf(&b, "\nexport interface %s %s\n", name, typeOf(schemas[name], ""))
	}
	b.WriteString(prologue)
	paths := at(description, "paths")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		methods := at(paths, path)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			writeOperation(&b, path, method, at(methods, method))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

const prologue = `
/** What is sent beside the path. */
export interface Call {
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  accept?: 'json' | 'lines' | 'none';
}

/** The operations of the HTTP API. A subclass says how a request is sent. */
export abstract class Operations {
  protected abstract send<T>(method: string, path: string, call: Call): Promise<T>;
`

// at returns what stands at a path of keys, an empty object for nothing.
func at(v object, keys ...string) object {
	for _, k := range keys {
		v, _ = v[k].(object)
	}
	return v
}

// A parameter of a method, as TypeScript writes it.
type parameter struct{ name, key, kind string }

func writeOperation(b *strings.Builder, path, method string, o object) {
	path, inPath, query, headers := parametersOf(path, o)
	accept, gives := answerOf(o)
	if accept == "" {
		return // a stream, which is written by hand
	}
	args := make([]string, 0, len(inPath)+2)
	for _, p := range inPath {
		args = append(args, p.name+": "+p.kind)
	}
	call := []string{}
	if kind := bodyOf(o); kind != "" {
		mark := "?"
		if at(o, "requestBody")["required"] == true {
			mark = ""
		}
		args, call = append(args, "body"+mark+": "+kind), append(call, "body")
	}
	if options := append(slices.Clone(query), headers...); len(options) > 0 {
		fields := make([]string, len(options))
		for i, p := range options {
			fields[i] = p.name + "?: " + p.kind
		}
		args = append(args, "options: { "+strings.Join(fields, "; ")+" } = {}")
	}
	call = append(call, given("query", query)...)
	call = append(call, given("headers", headers)...)
	if accept != "json" {
		call = append(call, "accept: '"+accept+"'")
	}
	fmt.Fprintf(b, "\n  /** %s. */\n  %s(%s): Promise<%s> {\n    return this.send('%s', `%s`, { %s });\n  }\n", capital(fmt.Sprint(o["summary"])),
		o["operationId"], strings.Join(args, ", "), gives, strings.ToUpper(method), path, strings.Join(call, ", "))
}

// given writes an object of what the options have.
func given(as string, parameters []parameter) []string {
	if len(parameters) == 0 {
		return nil
	}
	fields := make([]string, len(parameters))
	for i, p := range parameters {
		fields[i] = fmt.Sprintf("'%s': options.%s", p.key, p.name)
	}
	return []string{as + ": { " + strings.Join(fields, ", ") + " }"}
}

// parametersOf returns the path with its values put in, and the parameters by where they stand.
func parametersOf(path string, o object) (filled string, inPath, query, headers []parameter) {
	list, _ := o["parameters"].([]any)
	for _, v := range list {
		p, _ := v.(object)
		key := fmt.Sprint(p["name"])
		arg := parameter{camel(key), key, typeOf(p["schema"], "")}
		switch p["in"] {
		case "path":
			inPath = append(inPath, arg)
			path = strings.Replace(path, "{"+key+"}", "${encodeURIComponent("+arg.name+")}", 1)
		case "query":
			query = append(query, arg)
		case "header":
			arg.kind = "string"
			headers = append(headers, arg)
		}
	}
	return path, inPath, query, headers
}

// camel writes Idempotency-Key as idempotencyKey.
func camel(name string) string {
	parts := strings.Split(name, "-")
	parts[0] = strings.ToLower(parts[0][:1]) + parts[0][1:]
	for i := range parts[1:] {
		parts[i+1] = capital(parts[i+1])
	}
	return strings.Join(parts, "")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// answerOf returns how the answer of an operation is read, and its type; "" for a stream.
func answerOf(o object) (accept, kind string) {
	responses := at(o, "responses")
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		content := at(responses, status, "content")
		switch {
		case content["text/event-stream"] != nil:
			return "", ""
		case content["application/x-ndjson"] != nil:
			return "lines", "Array<Record<string, unknown>>"
		case content["application/json"] != nil:
			return "json", typeOf(at(content, "application/json")["schema"], "  ")
		}
	}
	return "none", "void"
}

func bodyOf(o object) string {
	schema, ok := at(o, "requestBody", "content", "application/json")["schema"]
	if !ok {
		return ""
	}
	kind := typeOf(schema, "  ")
	if o["operationId"] == "apply" {
		kind += " | string"
	}
	return kind
}
