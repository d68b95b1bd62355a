package app

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"retrain"
)

// A Difference is what apply would do to one resource or model.
type Difference struct {
	Name    string   `json:"name"`              // like models/price
	New     bool     `json:"new"`               // nothing of that name is stored
	Changes []Change `json:"changes,omitempty"` // sorted by key; all of it where it is new
}

// A Change is one key that would have another value.
type Change struct {
	Key  string `json:"key"`            // like modelConfig.epochs
	From any    `json:"from,omitempty"` // nil: it was not there
	To   any    `json:"to,omitempty"`   // nil: it is left out
}

// Diff returns how declared differs from what is stored, resources first, and the names of what is stored and not declared,
// which apply leaves as it is.
func Diff(stored, declared retrain.Specs) (differences []Difference, others []string, err error) {
	before, err := byName(stored)
	if err != nil {
		return nil, nil, err
	}
	after, err := byName(declared)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.SortedFunc(maps.Keys(after), resourcesFirst) {
		was, known := before[name]
		if changes := changesOf(was, after[name]); len(changes) > 0 || !known {
			differences = append(differences, Difference{Name: name, New: !known, Changes: changes})
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(before), resourcesFirst) {
		if _, ok := after[name]; !ok {
			others = append(others, name)
		}
	}
	return differences, others, nil
}

// resourcesFirst is the order of apply: models learn from resources.
func resourcesFirst(a, b string) int {
	return cmp.Or(cmp.Compare(b[:1], a[:1]), cmp.Compare(a, b)) // r before m
}

// byName returns every spec as its keys and values, by names like models/price.
func byName(specs retrain.Specs) (map[string]map[string]any, error) {
	all := make(map[string]map[string]any)
	add := func(name string, spec any) error {
		var tree map[string]any
		b, err := json.Marshal(spec)
		if err == nil {
			err = json.Unmarshal(b, &tree)
		}
		delete(tree, "name")
		all[name] = make(map[string]any)
		flatten(all[name], "", tree)
		return err
	}
	for i := range specs.Resources {
		if err := add("resources/"+specs.Resources[i].Name, specs.Resources[i]); err != nil {
			return nil, err
		}
	}
	for _, m := range specs.Models {
		if err := add("models/"+m.Name, m); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// flatten puts the leaves of a tree into flat, by their paths. A list is a leaf.
func flatten(flat map[string]any, path string, tree map[string]any) {
	for key, v := range tree {
		if branch, ok := v.(map[string]any); ok && len(branch) > 0 {
			flatten(flat, path+key+".", branch)
		} else {
			flat[path+key] = v
		}
	}
}

func changesOf(was, is map[string]any) (changes []Change) {
	keys := maps.Clone(is)
	maps.Copy(keys, was)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !reflect.DeepEqual(was[key], is[key]) {
			changes = append(changes, Change{key, was[key], is[key]})
		}
	}
	return changes
}
