package prep

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"retrain"
)

// A look is one pass over a field: add is called with the value in each learnt row, or in all rows that have what they need,
// in the order of the records. Its errors get the record's name.
type look struct {
	field int
	all   bool
	hint  string // for its errors
	add   func(v cell, row int) error
}

// look passes over the rows, of which place says where they went, as many looks at once as are wanted.
func (g *gathering) look(place []int32, learnt int, looks ...look) error {
	for b, err := range g.all() {
		if err != nil {
			return err
		}
		for i := range looks {
			l := &looks[i]
			for j := range b.rows {
				row := b.first + j
				if at := int(place[row]); at < 0 || at >= learnt && !l.all {
					continue
				}
				if err := l.add(b.cell(l.field, j), row); err != nil {
					return invalid("%w (%s)", err, g.record(row)).WithHint("%s", l.hint)
				}
			}
		}
	}
	return nil
}

// A learner finds out in three passes how a feature is encoded: what its values are, how far they reach, how they are spread.
type learner struct {
	*Feature
	tally
	column int
	sum    float64
	values int
	counts map[string]int // of levels
}

func (l *learner) kinds() look { return look{field: l.column, add: l.addKind} }

func (l *learner) reach() look {
	add := l.addNumber
	if l.Form == Category {
		l.counts, add = make(map[string]int), l.addLevel
	}
	return look{field: l.column, add: add}
}

// spread counts numbers by tenths of their range; levels were counted before.
func (l *learner) spread() look {
	return look{field: l.column, add: func(v cell, _ int) error {
		if n, ok, _ := l.number(v); ok { // it was a number before
			l.Counts[l.Bin(n)]++
		}
		return nil
	}}
}

func (l *learner) addNumber(v cell, _ int) error {
	n, ok, err := l.number(v)
	switch {
	case err != nil:
		return err
	case !ok:
		l.Missing++
		return nil
	case l.values == 0:
		l.Min, l.Max = n, n
	}
	l.Min, l.Max = min(l.Min, n), max(l.Max, n)
	l.sum += n
	l.values++
	return nil
}

// maxLevels bounds the columns of a feature: a text of more values than this names records, and nothing that they share.
const maxLevels = 65_536

func (l *learner) addLevel(v cell, row int) error {
	if v.kind == retrain.Missing {
		l.Missing++
		return nil
	}
	label := v.label()
	l.counts[label]++
	if len(l.counts) > maxLevels {
		return fmt.Errorf("feature %s has more than %d different texts in the first %d records, each of which would be a column", l.Name, maxLevels, row+1)
	}
	return nil
}

// reached completes what the second pass found.
func (l *learner) reached() {
	if l.Form == Category {
		l.Levels = slices.Sorted(maps.Keys(l.counts))
		l.Counts = make([]int, len(l.Levels))
		for i, level := range l.Levels {
			l.Counts[i] = l.counts[level]
		}
		return
	}
	if l.values == 0 {
		return
	}
	l.Mean = min(max(l.sum/float64(l.values), l.Min), l.Max) // rounding does not lead out of the range
	l.Counts = make([]int, bins)
	if l.Form == Boolean {
		l.Counts = l.Counts[:2]
	}
}

// A tally counts what kinds of values stand in a column, and remembers a row of each for errors.
type tally struct {
	rows    int
	missing int
	written int                // texts that are written as numbers
	of      map[string]int     // by what: number, boolean, date, text, object
	example map[string]example // by the same
}

type example struct {
	row   int
	value cell
}

// What a tally tells apart. Numbers in text are counted as text.
const (
	aNumber  = "number"
	aBoolean = "boolean"
	aDate    = "date"
	aText    = "text"
	anObject = "object or array"
)

func (t *tally) addKind(v cell, row int) error {
	t.rows++
	what := kindOf(v)
	if what == "" {
		t.missing++
		return nil
	}
	if t.of[what] == 0 {
		t.example[what] = example{row, v}
	}
	t.of[what]++
	if v.kind == retrain.Text {
		if _, ok := v.asNumber(); ok {
			t.written++
		}
	}
	return nil
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
func (l *learner) form(g *gathering) (Form, error) {
	n := l.rows - l.missing
	switch {
	case l.of[anObject] > 0:
		e := l.example[anObject]
		return "", invalid("feature %s: %s is no number, boolean, date or text (%s)", l.Name, e.value, g.record(e.row)).
			WithHint("name what is meant as %s.member, or make a number of it in map", l.Name)
	case n == 0 && l.rows > 0:
		return "", invalid("feature %s: no record has it", l.Name).WithHint("see what the records have: producer records RESOURCE --limit 1")
	case l.of[aBoolean] == n:
		return Boolean, nil
	case l.of[aNumber]+l.of[aBoolean] == n, l.of[aText] < n && l.of[aDate] == 0 && l.written == l.of[aText]:
		return Numeric, nil
	case l.of[aDate] == n:
		return Date, nil
	case l.of[aText] == n:
		return Category, nil
	}
	return "", l.mixed(g)
}

// mixed is the error of a column of several kinds; it names the rarest, which is most likely the wrong one.
func (l *learner) mixed(g *gathering) error {
	kinds := slices.SortedFunc(maps.Keys(l.of), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.of[a], l.of[b]), cmp.Compare(l.example[b].row, l.example[a].row))
	})
	rare, common := kinds[0], kinds[len(kinds)-1]
	e := l.example[rare]
	return invalid("feature %s is a %s in %d rows and a %s in %d: %s in %s", l.Name, common, l.of[common], rare, l.of[rare], e.value, g.record(e.row)).
		WithHint("leave such records out with filter, or make all of one kind in map: {%s: \"string(%s)\"}", l.Name, l.Name)
}

// bins is the number of equal parts of a number's range in which rows are counted.
const bins = 10

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
