package main

import (
	"maps"
	"slices"
	"strings"

	"retrain"
)

// doubts counts, for each field that a model learns from, how often it was a number and how often text: a few texts among
// many numbers are most probably mistakes, and so is a field that no record has.
type doubts map[string]*kinds

type kinds struct {
	models         []string // that learn from it
	had            int      // records that have it
	numbers, texts int
	record         int    // the first with a text, from 1
	text           string // and what it was
}

func (d doubts) look(p part, models []*retrain.Model) {
	for _, m := range models {
		for _, field := range slices.Concat(m.Features, m.Target) {
			if _, known := d[field]; !known {
				d[field] = new(kinds)
			}
			if _, made := m.Map[field]; !made && m.Partition == nil && !slices.Contains(d[field].models, m.Name) {
				d[field].models = append(d[field].models, m.Name)
			}
		}
	}
	for i, r := range p.records {
		for field, k := range d {
			if r[field] != nil {
				k.had++
			}
			switch v := r[field].(type) {
			case float64:
				k.numbers++
			case string:
				if k.texts++; k.texts == 1 {
					k.record, k.text = p.first+i+1, v
				}
			}
		}
	}
}

func (d doubts) tell(c *call, file string) {
	const few = 20 // at most one text among so many numbers
	for _, field := range slices.Sorted(maps.Keys(d)) {
		k := d[field]
		if k.had == 0 && len(k.models) > 0 {
			c.sayf("warning: %s: no record has %s, from which %s", file, field, learn(k.models))
		}
		if k.texts > 0 && k.numbers >= few*k.texts {
			c.sayf("warning: %s: %s of record %d is %q, but a number in %d others", file, field, k.record, k.text, k.numbers)
		}
	}
}

func learn(models []string) string {
	if len(models) == 1 {
		return models[0] + " learns"
	}
	return strings.Join(slices.Sorted(slices.Values(models)), ", ") + " learn"
}
