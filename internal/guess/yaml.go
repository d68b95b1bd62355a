package guess

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"retrain"
)

// YAML returns a commented retrain.yaml that declares the resource and the model.
func (g *Guess) YAML(resource, model string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Guessed from %d records. Correct what is wrong, then: producer apply -f FILE", g.Rows)
	line("resources:")
	if len(g.Partitions) == 0 {
		line("  %s: {}", scalar(resource))
	} else {
		field := g.Partitions[0]
		line("  %s:", scalar(resource))
		line("    # A partition lets a model learn one part of the records by itself.")
		line("    partitions: {%s: [%s]}", scalar("by"+strings.ToUpper(field[:1])+field[1:]), scalar(field))
	}
	line("\nmodels:")
	line("  %s:", scalar(model))
	line("    type: %-25s # regression, classification, timeseries or neural-network", g.Type)
	line("    resource: %s", scalar(resource))
	line("    features: %s", list(g.Features))
	for _, r := range g.LeftOut {
		line("    # not %s: %s", scalar(r.Field), r.Why)
	}
	line("    target: %-23s # %s", scalar(g.Target), g.Why)
	if g.Missing > 0 {
		line("    onMissing: skip                 # %d records lack a feature and are left out; mean or zero fills in", g.Missing)
	}
	line("    autoTrain: true")
	line("    trainAfterInserts: %-12d # a training after so many new records", every(g.Rows))
	line("    # trainInterval: 24h            # or after so much time; with both, either")
	line("    %-31s # only records for which this is true are learnt", "# filter: \""+inExpression(g.Target)+" != nil\"")
	line("    # promote: {rule: improve}      # only a version that is better than the one before answers")
	g.settings(line)
	if len(g.Dates) > 0 && g.Type != retrain.TimeSeries {
		line("    # Every record has a %s of its own: to forecast, use type timeseries and modelConfig.orderBy.", scalar(g.Dates[0]))
	}
	return b.String()
}

func (g *Guess) settings(line func(string, ...any)) {
	switch g.Type {
	case retrain.TimeSeries:
		line("    modelConfig: {orderBy: %s, lookback: 10, epochs: 50}", scalar(g.OrderBy))
	case retrain.NeuralNetwork:
		line("    modelConfig: {layers: [{units: 64}, {units: 32}], epochs: 50}")
	case retrain.Classification:
		line("    modelConfig: {units: 64, epochs: 50}")
	default:
		line("    modelConfig: {solver: exact}    # the best fit, at once; with polynomial: 2 of curves as well")
	}
}

// every returns after how many records a model of so many should learn again: a tenth of them, as a round number.
func every(rows int) int {
	n := 10
	for n*100 <= rows {
		n *= 10
	}
	return n
}

// list returns names as YAML has them in a list.
func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = scalar(name)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// scalar returns a text as YAML has it, in quotes where it would be something else without, or might be.
func scalar(text string) string {
	b, err := yaml.Marshal(text)
	if err == nil && isWord(text) && string(b) == text+"\n" {
		return text
	}
	return strconv.QuoteToASCII(text)
}

// isWord reports whether a name is a word of an expression.
func isWord(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// inExpression returns a field as an expression names it.
func inExpression(field string) string {
	if isWord(field) {
		return field
	}
	return "$env['" + strings.Trim(strconv.QuoteToASCII(strings.ReplaceAll(field, "'", "")), `"`) + "']"
}
