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

// learnTarget returns the range of a numeric target in the training rows.
func learnTarget(g *gathering, c *column, rows []int) (Target, error) {
	t := Target{Name: c.name}
	for i, row := range rows {
		n, err := targetNumber(c.name, c.at(row))
		if err != nil {
			return t, invalid("%w (%s)", err, g.record(row)).WithHint("classes are predicted by type: classification")
		}
		if i == 0 {
			t.Min, t.Max = n, n
		}
		t.Min, t.Max = min(t.Min, n), max(t.Max, n)
	}
	return t, nil
}

// learnClasses returns the classes of a target in all rows.
func learnClasses(g *gathering, c *column, rows []int) (Target, error) {
	t := Target{Name: c.name}
	seen := make(map[string]cell)
	for _, row := range rows {
		v := c.at(row)
		of, err := classForm(v)
		if err == nil && t.Of != "" && t.Of != of {
			err = fmt.Errorf("%s is a %s where others are a %s", v, of, t.Of)
		}
		if err != nil {
			return t, invalid("target %s: %w (%s)", c.name, err, g.record(row))
		}
		t.Of = of
		seen[v.label()] = v
	}
	classes := slices.SortedFunc(maps.Values(seen), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
	})
	for _, v := range classes {
		t.Classes = append(t.Classes, v.label())
	}
	switch {
	case len(t.Classes) == 1:
		return t, invalid("target %s has one class only: %s", c.name, classes[0]).WithHint("there is nothing to tell apart until records of another class come")
	case len(t.Classes) > maxClasses:
		return t, invalid("target %s has %d classes, at most %d can be told apart", c.name, len(t.Classes), maxClasses).WithHint("numbers are predicted by type: regression")
	}
	return t, nil
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
