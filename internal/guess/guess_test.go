package guess_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/guess"
)

// records returns 40 records of which the fields are what their names say.
func records() []retrain.Record {
	list := make([]retrain.Record, 40)
	for i := range list {
		list[i] = retrain.Record{
			"id": fmt.Sprint(i), "order_id": float64(i), "note": fmt.Sprintf("note %d", i), "empty": "", "same": 1.0,
			"cost": float64(i) * 1.5, "colour": []string{"red", "blue"}[i%2], "paid": i%3 == 0, "stars": float64(1 + i%4),
			"day": fmt.Sprintf("2024-01-%02dT00:%02d:00Z", 1+i%28, i), "price": 3*float64(i) + 0.5, "": 1.0,
		}
	}
	list[3]["cost"] = nil
	return list
}

var names = []string{"id", "order_id", "note", "empty", "same", "price", "cost", "colour", "day", "paid", "stars"}

func TestGuess(t *testing.T) {
	for _, test := range []struct {
		name, target string
		kind         retrain.Kind
		without      []string // names that are not there
		want         string
	}{
		{"by a telling name", "", "", nil, "regression of price from cost colour day paid stars, 1 lack"},
		{"by a person", "paid", "", nil, "classification of paid from price cost colour day stars, 1 lack"},
		{"few whole numbers are classes", "stars", "", nil, "classification of stars from price cost colour day paid, 1 lack"},
		{"unless a person says otherwise", "stars", retrain.NeuralNetwork, nil, "neural-network of stars from price cost colour day paid, 1 lack"},
		{"the last", "", "", []string{"price", "stars", "paid"}, "classification of colour from cost day, 1 lack"},
		{"a series", "price", retrain.TimeSeries, nil, "timeseries of price from cost colour paid stars, 1 lack"},
	} {
		t.Run(test.name, func(t *testing.T) {
			there := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(test.without, n) })
			g, err := guess.Of(there, records(), test.target, test.kind)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%s of %s from %s, %d lack", g.Type, g.Target, strings.Join(g.Features, " "), g.Missing); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			c, err := app.Parse("guess", []byte(g.YAML("things", "it")))
			if err != nil {
				t.Fatalf("%v\n%s", err, g.YAML("things", "it"))
			}
			if m := c.Models["it"]; m == nil || !slices.Equal(m.Features, g.Features) || m.Target[0] != g.Target || c.Resources["things"].Partitions["byColour"] == nil != (g.Target == "colour") {
				t.Errorf("got %+v of\n%s", m, g.YAML("things", "it"))
			}
		})
	}
}

func TestNothingToGuess(t *testing.T) {
	for _, test := range []struct {
		target string
		kind   retrain.Kind
		names  []string
		want   string
	}{
		{"", "", []string{"id", "note"}, "no field can be a target"},
		{"note", "", names, `"note" cannot be learnt`},
		{"nowhere", "", names, `no field "nowhere"`},
		{"colour", retrain.Regression, names, `"colour" is no number`},
		{"price", retrain.TimeSeries, []string{"cost", "price"}, "needs a field with the time"},
		{"price", "", []string{"note", "price"}, `"note": it names the record`},
	} {
		_, err := guess.Of(test.names, records(), test.target, test.kind)
		if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// Whatever the fields are called, the file can be applied, and says the same names.
func FuzzYAML(f *testing.F) {
	for _, name := range []string{"cost", "a b", "true", "1", "naïve: x", "#", `"`, "'", "-", "a\nb", "[x]", "~"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			t.Skip("no reader lets it in")
		}
		list := records()
		for i := range list {
			list[i][name] = float64(i * i)
		}
		g, err := guess.Of([]string{name, "colour"}, list, "colour", "")
		if err != nil {
			t.Skip(err)
		}
		c, err := app.Parse("guess", []byte(g.YAML("r", "m")))
		if err != nil {
			t.Fatalf("%v\n%s", err, g.YAML("r", "m"))
		}
		if m := c.Models["m"]; m.Features[0] != name {
			t.Errorf("%q came back as %q", name, m.Features[0])
		}
	})
}
