package tasks_test

import (
	"testing"

	"retrain"
	"retrain/tasks"
)

func TestDrifts(t *testing.T) {
	d := &tasks.Drifts{Conn: connect(t)}
	if got, err := d.Drift(t.Context(), "price"); err != nil || got != 0 {
		t.Errorf("before anybody said it: %v, %v", got, err)
	}
	if err := d.Say(t.Context(), "price", 0.31); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Drift(t.Context(), "price"); err != nil || got != 0.31 {
		t.Errorf("got %v, %v, want 0.31", got, err)
	}
}

func TestDriftsByFeature(t *testing.T) {
	d := &tasks.Drifts{Conn: connect(t)}
	if got, err := d.All(t.Context(), "price"); err != nil || got != nil {
		t.Errorf("before anybody said it: %v, %v", got, err)
	}
	if err := d.SayAll(t.Context(), "price", retrain.Drift{Rows: 600, PSI: map[string]float64{"cost": 0.3}}); err != nil {
		t.Fatal(err)
	}
	if got, err := d.All(t.Context(), "price"); err != nil || got == nil || got.Rows != 600 || got.PSI["cost"] != 0.3 {
		t.Errorf("got %+v, %v", got, err)
	}
}
