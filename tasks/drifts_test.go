package tasks_test

import (
	"testing"

	"retrain"
	"retrain/tasks"
)

// What predictors say of a model's drift: the furthest counts, until whoever said it says less.
func TestDrifts(t *testing.T) {
	conn := connect(t)
	one, other := &tasks.Drifts{Conn: conn, Who: "one"}, &tasks.Drifts{Conn: conn, Who: "other"}
	if got, err := one.Drift(t.Context(), "price"); err != nil || got != 0 {
		t.Errorf("before anybody said it: %v, %v", got, err)
	}
	if got, err := one.All(t.Context(), "price"); err != nil || got != nil {
		t.Errorf("before anybody said it: %v, %v", got, err)
	}
	for _, step := range []struct {
		who        *tasks.Drifts
		says, want float64
	}{{one, 0.31, 0.31}, {other, 0.1, 0.31}, {other, 0.4, 0.4}, {one, 0.2, 0.4}, {other, 0.1, 0.2}, {one, 0.2, 0.2}, {one, 0, 0.1}} {
		if err := step.who.Say(t.Context(), "price", retrain.Drift{Rows: 600, PSI: map[string]float64{"cost": step.says, "day": step.says / 2}}); err != nil {
			t.Fatal(err)
		}
		if got, err := one.Drift(t.Context(), "price"); err != nil || got != step.want {
			t.Errorf("%s says %v: got %v, %v, want %v", step.who.Who, step.says, got, err, step.want)
		}
	}
	if err := other.Say(t.Context(), "price", retrain.Drift{Rows: 700, PSI: map[string]float64{"cost": 0.3}}); err != nil {
		t.Fatal(err)
	}
	if got, err := one.All(t.Context(), "price"); err != nil || got == nil || got.Rows != 700 || got.PSI["cost"] != 0.3 {
		t.Errorf("by feature: got %+v, %v", got, err)
	}
}
