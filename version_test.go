package retrain_test

import (
	"math"
	"testing"

	"retrain"
)

func TestGate(t *testing.T) {
	improve := retrain.Promote{Rule: "improve", Metric: "r2", Margin: 0.01}
	for _, test := range []struct {
		name string
		rule retrain.Promote
		fit  retrain.Fit
		want bool
	}{
		{"always", retrain.Promote{Rule: "always"}, retrain.Fit{Metrics: map[string]float64{"r2": -3}}, true},
		{"never what is no number", retrain.Promote{Rule: "always"}, retrain.Fit{Metrics: map[string]float64{"mae": math.NaN()}}, false},
		{"never the infinite", retrain.Promote{Rule: "always"}, retrain.Fit{Metrics: map[string]float64{"mae": math.Inf(1)}}, false},
		{"manual", retrain.Promote{Rule: "manual"}, retrain.Fit{}, false},
		{"first of all", improve, retrain.Fit{Metrics: map[string]float64{"r2": 0.1}}, true},
		{"better by the margin", improve, fits("r2", 0.92, 0.90), true},
		{"better by less", improve, fits("r2", 0.905, 0.90), false},
		{"worse", improve, fits("r2", 0.5, 0.90), false},
		{"an error falls", retrain.Promote{Rule: "improve", Metric: "mae"}, fits("mae", 2.0, 2.5), true},
		{"an error stays", retrain.Promote{Rule: "improve", Metric: "mae"}, fits("mae", 2.5, 2.5), false},
		{"the loss by default", retrain.Promote{Rule: "improve"}, fits("loss", 0.1, 0.2), true},
	} {
		if got := retrain.Gate(test.rule, &test.fit); got.Promote != test.want || got.Why == "" {
			t.Errorf("%s: %+v, want %v with a reason", test.name, got, test.want)
		}
	}
}

func fits(metric string, now, champion float64) retrain.Fit {
	return retrain.Fit{Metrics: map[string]float64{metric: now}, Champion: map[string]float64{metric: champion}}
}

// A worker that was presumed dead and publishes its run once more must not undo what a person decided meanwhile.
func TestChampionOnlyGoesForward(t *testing.T) {
	var c retrain.Champion
	moves := []struct {
		name         string
		move         func(retrain.Champion) (retrain.Champion, bool)
		want         bool
		version, seq int
	}{
		{"the first", auto(3), true, 3, 1},
		{"a later one", auto(5), true, 5, 2},
		{"the same again", auto(5), false, 5, 2},
		{"a straggler", auto(4), false, 5, 2},
		{"rolled back by hand", byHand(3), true, 3, 3},
		{"the straggler of what was rolled back", auto(5), false, 3, 3},
		{"by hand to where it is", byHand(3), false, 3, 3},
		{"the next run", auto(6), true, 6, 4},
	}
	for _, m := range moves {
		next, moved := m.move(c)
		if moved {
			if next.Previous != c.Version {
				t.Errorf("%s: previous is %d, want %d", m.name, next.Previous, c.Version)
			}
			c = next
		}
		if moved != m.want || c.Version != m.version || c.Sequence != m.seq {
			t.Errorf("%s: moved %v to %d in sequence %d, want %v to %d in %d", m.name, moved, c.Version, c.Sequence, m.want, m.version, m.seq)
		}
	}
}

func auto(version int) func(retrain.Champion) (retrain.Champion, bool) {
	return func(c retrain.Champion) (retrain.Champion, bool) { return c.Next(version, noon, "") }
}

func byHand(version int) func(retrain.Champion) (retrain.Champion, bool) {
	return func(c retrain.Champion) (retrain.Champion, bool) { return c.Moved(version, noon, "") }
}
