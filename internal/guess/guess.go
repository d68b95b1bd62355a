// Package guess makes a first retrain.yaml out of records: what could be learnt from them, and how. It says why, so that a person
// can say otherwise.
package guess

import (
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// A Guess is a model that could be learnt from some records.
type Guess struct {
	Type     retrain.Kind
	Features []string
	Target   string
	OrderBy  string // of a time series
	Rows     int

	LeftOut    []Reason // fields that are no features
	Why        string   // this target, and this type
	Partitions []string // fields that could cut the resource
	Dates      []string // fields that hold a time of their own in every record
	Missing    int      // records that lack a feature
}

// A Reason says why a field was left out.
type Reason struct{ Field, Why string }

// Of guesses from records, whose fields are named in their order. target and kind may be said by a person; "" is guessed. A
// DataValidationError says that nothing can be learnt, or that there is no such target.
func Of(names []string, records []retrain.Record, target string, kind retrain.Kind) (Guess, error) {
	g := Guess{Rows: len(records)}
	columns := columnsOf(names, records)
	for _, c := range columns {
		if c.date() && len(c.levels) == min(c.filled, mostLevels) && c.filled == g.Rows {
			g.Dates = append(g.Dates, c.name)
		}
	}
	t, err := g.chooseTarget(columns, target)
	if err != nil {
		return g, err
	}
	if err := g.chooseType(t, kind); err != nil {
		return g, err
	}
	g.chooseFeatures(columns, t)
	if len(g.Features) == 0 && g.Type != retrain.TimeSeries {
		return g, nothing("no field can be learnt from: %s", reasons(g.LeftOut))
	}
	g.Missing = lacking(g.Features, records)
	return g, nil
}

func nothing(format string, args ...any) error {
	return retrain.Errorf(retrain.DataValidationError, format, args...)
}

// Names that people give to what they want to know, most telling first.
var telling = []string{"target", "label", "class", "outcome", "y", "price", "value", "amount", "sales", "revenue", "churn", "score"}

// chooseTarget takes the field that is named, or whose name is telling, or else the last one that can be learnt.
func (g *Guess) chooseTarget(columns []*column, name string) (*column, error) {
	can := func(c *column) bool {
		return len(c.levels) > 1 && (c.number() || c.category()) && !identifier(c, g.Rows)
	}
	if name != "" {
		for _, c := range columns {
			if c.name == name && can(c) {
				g.Why = "you said so"
				return c, nil
			} else if c.name == name {
				return nil, nothing("%q cannot be learnt: it is neither a number nor one of a few classes, or it is always the same", name)
			}
		}
		return nil, nothing("there is no field %q", name)
	}
	for _, word := range telling {
		for _, c := range columns {
			if strings.EqualFold(c.name, word) && can(c) {
				g.Why = "its name says so"
				return c, nil
			}
		}
	}
	for _, c := range slices.Backward(columns) {
		if can(c) {
			g.Why = "it is the last field that can be learnt"
			return c, nil
		}
	}
	return nil, nothing("no field can be a target: none is a number, or one of a few classes, that differs from record to record")
}

func (g *Guess) chooseType(t *column, kind retrain.Kind) error {
	g.Target, g.Type = t.name, kind
	if kind == "" {
		g.Type = retrain.Regression
		if t.classes() {
			g.Type = retrain.Classification
			g.Why += fmt.Sprintf("; it has %d classes", len(t.levels))
		} else {
			g.Why += "; it is a quantity"
		}
	}
	if g.Type == retrain.TimeSeries {
		if len(g.Dates) == 0 {
			return nothing("a time series needs a field with the time of each record")
		}
		g.OrderBy = g.Dates[0]
	}
	if !t.number() && g.Type != retrain.Classification {
		return nothing("%q is no number: type classification can learn it", t.name)
	}
	return nil
}

// chooseFeatures takes what may say something about the target, and says why it leaves the others out.
func (g *Guess) chooseFeatures(columns []*column, t *column) {
	for _, c := range columns {
		why := ""
		switch {
		case c == t || c.name == g.OrderBy:
			continue
		case c.filled == 0:
			why = "it is empty"
		case len(c.levels) == 1:
			why = "it is always the same"
		case identifier(c, g.Rows):
			why = "it names the record"
		case !c.number() && !c.date() && !c.category():
			why = "it is free text, or of several kinds"
		case c.filled*2 < g.Rows:
			why = "most records lack it"
		}
		if why != "" {
			g.LeftOut = append(g.LeftOut, Reason{c.name, why})
			continue
		}
		g.Features = append(g.Features, c.name)
		const most = 20 // partitions that a person would name
		if c.texts > 0 && len(c.levels) <= most {
			g.Partitions = append(g.Partitions, c.name)
		}
	}
}

// identifier reports whether a field is another one in every record, as names and numbers of records are.
func identifier(c *column, rows int) bool {
	if strings.EqualFold(c.name, "id") {
		return true
	}
	name := strings.ToLower(c.name)
	named := strings.HasSuffix(name, "_id") || strings.HasSuffix(c.name, "Id") || strings.HasSuffix(c.name, "ID")
	return len(c.levels) == min(rows, mostLevels) && (c.texts == c.filled || named)
}

func lacking(features []string, records []retrain.Record) (n int) {
	for _, r := range records {
		if slices.ContainsFunc(features, func(f string) bool { return r[f] == nil || r[f] == "" }) {
			n++
		}
	}
	return n
}

func reasons(left []Reason) string {
	var list []string
	for _, r := range left {
		list = append(list, fmt.Sprintf("%q: %s", r.Field, r.Why))
	}
	return strings.Join(list, "; ")
}
