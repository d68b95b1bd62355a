package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"retrain"
)

// What a configuration may be at most. They keep a file of nested aliases from eating the memory.
const (
	maxBytes  = 4 << 20
	maxNodes  = 200_000
	maxDepth  = 50
	maxListed = 10 // problems that one message lists
)

// lines tells where each key of a file stood, by its dotted path.
type lines struct {
	file string
	at   map[string]int
}

// where returns the line of a path, by the nearest key at or above it that stood in the file, and "retrain.yaml:12: path".
func (l lines) where(path string) (line int, text string) {
	for p := path; p != ""; p = parent(p) {
		if line := l.at[p]; line > 0 {
			return line, fmt.Sprintf("%s:%d: %s", l.file, line, path)
		}
	}
	return 0, l.file + ": " + path
}

func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '.'))] }

// Parse reads a configuration. name stands in messages. Whatever is wrong, be it an unknown key, a value of the wrong kind
// or a setting that cannot be, is a ModelConfigError that says where and lists everything else that is wrong.
func Parse(name string, text []byte) (*Config, error) {
	if len(text) > maxBytes {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s: larger than %d MiB", name, maxBytes>>20)
	}
	root, err := document(name, text)
	if err != nil {
		return nil, err
	}
	c := &Config{lines: lines{file: name}}
	if root != nil {
		if c.lines.at, err = decode(name, root, c); err != nil {
			return nil, err
		}
	}
	c.fillIn()
	return c, c.check()
}

// document returns the only YAML document of a text, and nil where there is none.
func document(name string, text []byte) (*yaml.Node, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc, another yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // an empty file is a configuration too
	} else if err != nil {
		return nil, syntaxError(name, err)
	}
	if err := d.Decode(&another); err == nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s:%d: a second document; a configuration is one", name, another.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(name, err)
	}
	return doc.Content[0], nil
}

// syntaxError turns "yaml: line 3: did not find …" into "retrain.yaml:3: did not find …".
func syntaxError(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		return retrain.Errorf(retrain.ModelConfigError, "%s:%d: %s", name, line, text)
	}
	return retrain.Errorf(retrain.ModelConfigError, "%s: %s", name, text)
}

// decode checks a node against v's type and fills v. It returns the line of every key.
func decode(name string, n *yaml.Node, v any) (map[string]int, error) {
	w := walk{file: name, lines: make(map[string]int), budget: maxNodes}
	value := w.value(n, typeOf(v), "", maxDepth)
	if err := w.err(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil { // a number that is too large for its field
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s: %w", name, err)
	}
	return w.lines, nil
}
