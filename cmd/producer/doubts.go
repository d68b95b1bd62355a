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
	line           int    // where the first text stood
	text           string // and what it was
}

func (d doubts) look(rows []row, models []*retrain.Model) {
	for _, m := range models {
		for _, field := range slices.Concat(m.Features, m.Target) {
			if _, known := d[field]; !known {
				d[field] = new(kinds)
			}
		}
	}
	for _, r := range rows {
		for field, k := range d {
			switch v := r.record[field].(type) {
			case float64:
				k.numbers++
			case string:
				if k.texts++; k.texts == 1 {
					k.line, k.text = r.line, v
				}
			}
		}
	}
}

func (d doubts) tell(c *call, file string) {
	const few = 20 // at most one text among so many numbers
	for _, field := range slices.Sorted(maps.Keys(d)) {
		if k := d[field]; k.texts > 0 && k.numbers >= few*k.texts {
			c.say("warning: %s:%d: %s is %q, but a number in %d other records", file, k.line, field, k.text, k.numbers)
		}
	}
}
