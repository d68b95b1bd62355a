package s3db

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An attribute is a leaf of a version's tree of attributes, or an object in it.
type attribute struct {
	path       string // its names, joined by dots
	definition string
}

// A member is a name of a JSON object and what it stands for.
type member struct {
	name  string
	value jsontext.Value
}

// The deepest tree that is followed.
const deepest = 100

var (
	errTooDeep  = errors.New("nested too deeply")
	errNoObject = errors.New("not a JSON object")
)

// parseAttributes returns the leaves of a tree in the order in which version 13 numbers them, and after them the objects that
// stand at the top.
func parseAttributes(tree []byte) ([]attribute, error) {
	if len(bytes.TrimSpace(tree)) == 0 || string(tree) == "null" {
		return nil, nil
	}
	all, err := leaves(nil, tree, "", 0)
	if err != nil {
		return nil, err
	}
	top, err := members(tree)
	if err != nil {
		return nil, err
	}
	for _, m := range top {
		if branch, err := isBranch(m); branch || err != nil {
			all = append(all, attribute{m.name, "object"})
		}
	}
	return all, nil
}

func leaves(all []attribute, tree jsontext.Value, path string, depth int) ([]attribute, error) {
	if depth > deepest {
		return nil, errTooDeep
	}
	list, err := members(tree)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if strings.Contains(m.name, "$$") { // says something of the object that it stands in
			continue
		}
		branch, err := isBranch(m)
		if err != nil {
			return nil, err
		}
		if !branch {
			all = append(all, attribute{path + m.name, definition(m.value)})
		} else if all, err = leaves(all, m.value, path+m.name+".", depth+1); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// isBranch reports whether a member has attributes of its own: it is an object, and not one whose type is given as a text.
func isBranch(m member) (bool, error) {
	if m.value.Kind() != jsontext.KindBeginObject || strings.Contains(m.name, "$$") {
		return false, nil
	}
	list, err := members(m.value)
	for _, inner := range list {
		if inner.name == "type" && inner.value.Kind() == jsontext.KindString {
			return false, err
		}
	}
	return true, err
}

// definition returns a text, or else the JSON as it stands: types are looked for in either.
func definition(v jsontext.Value) string {
	if v.Kind() == jsontext.KindString {
		if plain, err := jsontext.AppendUnquote(nil, v); err == nil {
			return string(plain)
		}
	}
	return string(v)
}

// members returns an object's members in the order of JavaScript: names that are array indexes first, by number, the others as
// they stand.
func members(object jsontext.Value) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if dec.PeekKind() != jsontext.KindBeginObject {
		return nil, errNoObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var list []member
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		m.value = value.Clone()
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b member) int { return cmp.Compare(arrayIndex(a.name), arrayIndex(b.name)) })
	return list, nil
}

// arrayIndex returns the number that a name is, and a higher one than any where it is none.
func arrayIndex(name string) uint64 {
	const none = 1<<32 - 1
	n, err := strconv.ParseUint(name, 10, 64)
	if err != nil || n >= none || strconv.FormatUint(n, 10) != name {
		return none
	}
	return n
}
