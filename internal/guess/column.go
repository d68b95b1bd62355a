package guess

import (
	"math"
	"strconv"

	"retrain"
	"retrain/mlcore/prep"
)

// mostLevels is how many different values of a column are told apart.
const mostLevels = 1000

// A column is what was seen of one field.
type column struct {
	name                         string
	filled                       int // rows with a value
	numbers, bools, dates, texts int
	whole                        bool // every number is
	levels                       map[string]int
}

func (c *column) add(v any) {
	switch v := v.(type) {
	case nil:
		return
	case float64:
		c.numbers++
		c.whole = c.whole && v == math.Trunc(v)
		c.level(strconv.FormatFloat(v, 'g', -1, 64))
	case bool:
		c.bools++
		c.level(strconv.FormatBool(v))
	case string:
		if v == "" {
			return
		}
		if _, ok := prep.ParseDate(v); ok {
			c.dates++
		} else {
			c.texts++
		}
		c.level(v)
	default: // a list or an object
		c.texts++
		c.level("")
	}
	c.filled++
}

func (c *column) level(v string) {
	if _, known := c.levels[v]; known || len(c.levels) < mostLevels {
		c.levels[v]++
	}
}

func (c *column) number() bool { return c.numbers > 0 && c.numbers == c.filled }
func (c *column) date() bool   { return c.dates > 0 && c.dates == c.filled }

// category reports whether the column's values come again and again.
func (c *column) category() bool {
	return c.bools+c.texts > 0 && len(c.levels) <= mostLevels/10 && len(c.levels)*2 <= c.filled || c.bools == c.filled && c.filled > 0
}

// classes reports whether the column is more likely a class than a quantity.
func (c *column) classes() bool {
	const most = 10 // whole numbers that may be names of classes
	return c.category() || c.number() && (len(c.levels) == 2 || c.whole && len(c.levels) <= most && len(c.levels)*most <= c.filled)
}

// columnsOf returns the fields of the records, in the order in which names has them.
func columnsOf(names []string, records []retrain.Record) []*column {
	columns := make([]*column, len(names))
	for i, name := range names {
		columns[i] = &column{name: name, whole: true, levels: make(map[string]int)}
		for _, r := range records {
			columns[i].add(r[name])
		}
	}
	return columns
}
