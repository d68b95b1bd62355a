package prep

import (
	"fmt"
	"math"
	"slices"

	"retrain"
)

// A tally counts what kinds of values stand in a column, and remembers a row of each for errors.
type tally struct {
	rows    int
	missing int
	of      map[string]int // by what: number, boolean, date, text, object
	example map[string]int // a row
}

// What a tally tells apart. Numbers in text are counted as text.
const (
	aNumber  = "number"
	aBoolean = "boolean"
	aDate    = "date"
	aText    = "text"
	anObject = "object or array"
)

func tallied(c *column, rows []int) tally {
	t := tally{rows: len(rows), of: map[string]int{}, example: map[string]int{}}
	for _, row := range rows {
		what := kindOf(c.at(row))
		if what == "" {
			t.missing++
			continue
		}
		if t.of[what] == 0 {
			t.example[what] = row
		}
		t.of[what]++
	}
	return t
}

func kindOf(v cell) string {
	switch v.kind {
	case retrain.Number:
		return aNumber
	case retrain.Bool:
		return aBoolean
	case retrain.JSON:
		return anObject
	case retrain.Text:
		if _, ok := ParseDate(v.text); ok {
			return aDate
		}
		return aText
	}
	return ""
}

// form decides how a feature is encoded, from its values in the training rows. Numbers and booleans together are numbers,
// with 0 and 1; numbers and texts that are all written as numbers are numbers; anything else that is mixed is an error,
// since it means that something went wrong where the data came from.
func form(g *gathering, c *column, rows []int) (Form, error) {
	t := tallied(c, rows)
	n := t.rows - t.missing
	switch {
	case t.of[anObject] > 0:
		row := t.example[anObject]
		return "", invalid("feature %s: %s is no number, boolean, date or text (%s)", c.name, c.at(row), g.record(row)).
			WithHint("name what is meant as %s.member, or make a number of it in map", c.name)
	case n == 0 && t.rows > 0:
		return "", invalid("feature %s: no record has it", c.name).WithHint("see what the records have: producer records RESOURCE --limit 1")
	case t.of[aBoolean] == n:
		return Boolean, nil
	case t.of[aNumber]+t.of[aBoolean] == n, t.of[aText] < n && t.of[aDate] == 0 && textsAreNumbers(c, rows):
		return Numeric, nil
	case t.of[aDate] == n:
		return Date, nil
	case t.of[aText] == n:
		return Category, nil
	}
	return "", t.mixed(g, c)
}

func textsAreNumbers(c *column, rows []int) bool {
	for _, row := range rows {
		if v := c.at(row); v.kind == retrain.Text {
			if _, ok := v.asNumber(); !ok {
				return false
			}
		}
	}
	return true
}

// mixed is the error of a column of several kinds; it names the rarest, which is most likely the wrong one.
func (t tally) mixed(g *gathering, c *column) error {
	kinds := slices.SortedFunc(func(yield func(string) bool) {
		for what := range t.of {
			if !yield(what) {
				return
			}
		}
	}, func(a, b string) int {
		if d := t.of[a] - t.of[b]; d != 0 {
			return d
		}
		return t.example[b] - t.example[a]
	})
	rare, common := kinds[0], kinds[len(kinds)-1]
	row := t.example[rare]
	return invalid("feature %s is a %s in %d rows and a %s in %d: %s in %s", c.name, common, t.of[common], rare, t.of[rare], c.at(row), g.record(row)).
		WithHint("leave such records out with filter, or make all of one kind in map: {%s: \"string(%s)\"}", c.name, c.name)
}

// learnFeature returns how a feature is encoded, from the training rows.
func learnFeature(g *gathering, c *column, rows []int) (Feature, error) {
	f := Feature{Name: c.name}
	var err error
	if f.Form, err = form(g, c, rows); err != nil {
		return f, err
	}
	if f.Form == Category {
		f.learnLevels(c, rows)
		return f, nil
	}
	values := make([]float64, 0, len(rows))
	for _, row := range rows {
		n, ok, err := f.number(c.at(row))
		if err != nil {
			return f, invalid("%w (%s)", err, g.record(row))
		}
		if ok {
			values = append(values, n)
		}
	}
	f.Missing = len(rows) - len(values)
	f.learnRange(values)
	return f, nil
}

func (f *Feature) learnLevels(c *column, rows []int) {
	counts := make(map[string]int)
	for _, row := range rows {
		if v := c.at(row); v.kind == retrain.Missing {
			f.Missing++
		} else {
			counts[v.label()]++
		}
	}
	f.Levels = make([]string, 0, len(counts))
	for level := range counts {
		f.Levels = append(f.Levels, level)
	}
	slices.Sort(f.Levels)
	f.Counts = make([]int, len(f.Levels))
	for i, level := range f.Levels {
		f.Counts[i] = counts[level]
	}
}

// bins is the number of equal parts of a number's range in which rows are counted.
const bins = 10

func (f *Feature) learnRange(values []float64) {
	if len(values) == 0 {
		return
	}
	f.Min, f.Max = slices.Min(values), slices.Max(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	f.Mean = min(max(sum/float64(len(values)), f.Min), f.Max) // rounding does not lead out of the range
	f.Counts = make([]int, bins)
	if f.Form == Boolean {
		f.Counts = f.Counts[:2]
	}
	for _, v := range values {
		f.Counts[f.Bin(v)]++
	}
}

// Bin returns which of Counts a number belongs to. What lies outside Min and Max belongs to the first or the last.
func (f *Feature) Bin(v float64) int {
	n := len(f.Counts)
	if f.Form == Boolean {
		return min(max(int(v), 0), 1)
	}
	if !(f.Max > f.Min) || !(v > f.Min) {
		return 0
	}
	return int(math.Min((v-f.Min)/(f.Max-f.Min)*float64(n), float64(n-1)))
}

// number returns the value of a feature that is one column, before scaling; false where it is missing.
func (f *Feature) number(v cell) (float64, bool, error) {
	var n float64
	var ok bool
	switch {
	case v.kind == retrain.Missing:
		return 0, false, nil
	case f.Form == Date:
		t, isDate := v.date()
		n, ok = seconds(t), isDate
	default:
		n, ok = v.asNumber()
		if f.Form == Boolean {
			if b, isText := map[string]float64{"false": 0, "true": 1}[v.text]; v.kind == retrain.Text && isText {
				n, ok = b, true
			}
			ok = ok && (n == 0 || n == 1)
		}
	}
	if !ok {
		return 0, false, fmt.Errorf("feature %s: %s is not a %s", f.Name, v, f.Form)
	}
	if !finite(n) {
		return 0, false, fmt.Errorf("feature %s is %s, which cannot be learnt from", f.Name, numberText(n))
	}
	return n + 0, true, nil // of the two zeros the positive one: a manifest does not know the other
}

// finite reports whether the network's float32 can hold n.
func finite(n float64) bool { return math.Abs(n) <= math.MaxFloat32 }
