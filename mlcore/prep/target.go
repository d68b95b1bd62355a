package prep

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"retrain"
)

// maxClasses bounds the classes of a target: a number that takes more values than this is no class.
const maxClasses = 10_000

// Scale returns what the network learns for a number: 0 for Min, 1 for Max.
func (t *Target) Scale(v float64) float32 { return scale(v, t.Min, t.Max) }

// Unscale returns the number for what the network answers.
func (t *Target) Unscale(y float64) float64 { return t.Min + y*(t.Max-t.Min) }

// Class returns the i-th class as it stands in the data: a string, a float64 or a bool.
func (t *Target) Class(i int) any {
	c := t.Classes[i]
	switch t.Of {
	case Numeric:
		n, _ := strconv.ParseFloat(c, 64) // it was written by numberText
		return n
	case Boolean:
		return c == "true"
	}
	return c
}

// Index returns the index of a class, given as it stands in the data, and -1 where training never saw it.
func (t *Target) Index(class any) int { return slices.Index(t.Classes, cellOf(class).label()) }

// scale maps min..max to 0..1, and everything to 0 where there is no range.
func scale(v, low, high float64) float32 {
	if !(high > low) {
		return 0
	}
	return float32((v - low) / (high - low))
}

// targetNumber returns the value of a numeric target; a boolean is 0 or 1.
func targetNumber(name string, v cell) (float64, error) {
	n, ok := v.asNumber()
	if !ok {
		return 0, fmt.Errorf("target %s: %s is not a number", name, v)
	}
	if !finite(n) {
		return 0, fmt.Errorf("target %s is %s, which cannot be learnt from", name, numberText(n))
	}
	return n + 0, nil // of the two zeros the positive one
}

// A targetLearner finds out how a target is encoded, in one pass: the range of a number in the learnt rows, or the classes in
// all rows.
type targetLearner struct {
	*Target
	column int
	rows   int
	seen   map[string]cell // the classes
}

func (l *targetLearner) reach(classes bool) look {
	if classes {
		l.seen = make(map[string]cell)
		return look{field: l.column, all: true, add: l.addClass}
	}
	return look{field: l.column, add: l.addNumber, hint: "classes are predicted by type: classification"}
}

func (l *targetLearner) addNumber(v cell, _ int) error {
	n, err := targetNumber(l.Name, v)
	if err != nil {
		return err
	}
	if l.rows == 0 {
		l.Min, l.Max = n, n
	}
	l.rows++
	l.Min, l.Max = min(l.Min, n), max(l.Max, n)
	return nil
}

func (l *targetLearner) addClass(v cell, _ int) error {
	of, err := classForm(v)
	if err == nil && l.Of != "" && l.Of != of {
		err = fmt.Errorf("%s is a %s where others are a %s", v, of, l.Of)
	}
	if err != nil {
		return fmt.Errorf("target %s: %w", l.Name, err)
	}
	if l.Of = of; len(l.seen) <= maxClasses { // of what has more, nobody wants to know how many exactly
		l.seen[v.label()] = v
	}
	return nil
}

// reached completes what the pass found. Binary says that there must be two classes, or numbers from 0 to 1: several labels,
// each of which is there or not.
func (l *targetLearner) reached(binary bool) error {
	if l.seen == nil {
		if binary && (l.Min < 0 || l.Max > 1) {
			return invalid("target %s reaches from %s to %s; binaryCrossentropy needs 0 to 1", l.Name, numberText(l.Min), numberText(l.Max))
		} else if binary {
			l.Min, l.Max = 0, 1
		}
		return nil
	}
	classes := slices.SortedFunc(maps.Values(l.seen), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
	})
	for _, v := range classes {
		l.Classes = append(l.Classes, v.label())
	}
	switch n := len(l.Classes); {
	case n == 1:
		return invalid("target %s has one class only: %s", l.Name, classes[0]).WithHint("there is nothing to tell apart until records of another class come")
	case n > maxClasses:
		return invalid("target %s has more than %d classes, which cannot be told apart", l.Name, maxClasses).WithHint("numbers are predicted by type: regression")
	case binary && n != 2:
		return invalid("target %s has %d classes; binaryCrossentropy tells two apart", l.Name, n).WithHint("loss: categoricalCrossentropy")
	}
	return nil
}

func classForm(v cell) (Form, error) {
	switch v.kind {
	case retrain.Number:
		if !finite(v.number) {
			return "", fmt.Errorf("%s is no class", v)
		}
		return Numeric, nil
	case retrain.Bool:
		return Boolean, nil
	case retrain.Text:
		return Category, nil
	}
	return "", fmt.Errorf("%s is no class", v)
}
