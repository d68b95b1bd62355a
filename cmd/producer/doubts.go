package main

import (
	"maps"
	"slices"

	"retrain"
)

// doubts counts, for each field that a model learns from, how often it was a number and how often text: a few texts among
// many numbers are most probably mistakes.
type doubts map[string]*kinds

type kinds struct {
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
		}
	}
	for i, r := range p.records {
		for field, k := range d {
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
		if k := d[field]; k.texts > 0 && k.numbers >= few*k.texts {
			c.sayf("warning: %s: %s of record %d is %q, but a number in %d others", file, field, k.record, k.text, k.numbers)
		}
	}
}
