package prep

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr"

	"retrain"
)

// errAbsent is the result of an expression that computes with a field that the record lacks.
var errAbsent = errors.New("a field is missing")

// The functions that expressions have beside expr-lang's own (abs, ceil, floor, round, min, max, len, lower, string, ...).
var (
	ofNumber = map[string]func(float64) float64{
		"log": math.Log, "log2": math.Log2, "log10": math.Log10, "log1p": math.Log1p, "exp": math.Exp, "sqrt": math.Sqrt,
		"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "tanh": math.Tanh, "atan": math.Atan,
	}
	ofDate = map[string]func(time.Time) int{
		"year": time.Time.Year, "month": func(t time.Time) int { return int(t.Month()) }, "day": time.Time.Day,
		"weekday": func(t time.Time) int { return int(t.Weekday()) }, // 0 is Sunday
		"yearday": time.Time.YearDay, "hour": time.Time.Hour, "minute": time.Time.Minute,
		"unix": func(t time.Time) int { return int(t.Unix()) },
	}
	ofTwo = map[string]func(a, b float64) float64{"pow": math.Pow, "atan2": math.Atan2, "mod": math.Mod}
)

// functions is the names of the functions above, sorted.
var functions = slices.Sorted(slices.Values(slices.Concat(
	slices.Collect(maps.Keys(ofNumber)), slices.Collect(maps.Keys(ofDate)), slices.Collect(maps.Keys(ofTwo)))))

// withFunctions is the functions as options of the compiler.
func withFunctions() []expr.Option {
	var options []expr.Option
	for name, f := range ofNumber {
		options = append(options, function(name, 1, func(args []any) (any, error) {
			x, err := number(args[0])
			return f(x), err
		}))
	}
	for name, f := range ofDate {
		options = append(options, function(name, 1, func(args []any) (any, error) {
			t, err := moment(args[0])
			return f(t), err
		}))
	}
	for name, f := range ofTwo {
		options = append(options, function(name, 2, func(args []any) (any, error) {
			a, err := number(args[0])
			if err != nil {
				return nil, err
			}
			b, err := number(args[1])
			return f(a, b), err
		}))
	}
	return append(options, function(absent, 0, func([]any) (any, error) { return nil, errAbsent }))
}

// function returns f as an option that minds the number of arguments, and names itself in errors.
func function(name string, arguments int, f func([]any) (any, error)) expr.Option {
	return expr.Function(name, func(args ...any) (any, error) {
		if len(args) != arguments {
			return nil, fmt.Errorf("%s takes %d arguments, not %d", name, arguments, len(args))
		}
		v, err := f(args)
		if err != nil && !errors.Is(err, errAbsent) {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return v, err
	})
}

// number reads an argument that must be a number; a boolean is 0 or 1.
func number(v any) (float64, error) {
	c := cellOf(v)
	switch c.kind {
	case retrain.Number, retrain.Bool:
		return c.number, nil
	case retrain.Missing:
		return 0, errAbsent
	}
	return 0, fmt.Errorf("%s is not a number", c)
}

// moment reads an argument that must be a date: text, a number as ParseDate has it, or what expr-lang's date() returns.
func moment(v any) (time.Time, error) {
	if t, ok := v.(time.Time); ok {
		return t, nil
	}
	c := cellOf(v)
	if c.kind == retrain.Missing {
		return time.Time{}, errAbsent
	}
	t, ok := c.date()
	if !ok {
		return time.Time{}, fmt.Errorf("%s is not a date", c)
	}
	return t, nil
}
