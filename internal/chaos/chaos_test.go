package main

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A short piece of it, on the real programs. make chaos plays for as long as one wants.
func TestChaos(t *testing.T) {
	o := options{Seed: 1, For: 7 * time.Second, Dir: filepath.Join(t.TempDir(), "chaos"), Patience: 4 * time.Minute, Again: 2, Workers: 2, Quiet: true, Bin: programs(t)}
	r, err := play(t.Context(), o)
	t.Log(r)
	for i, what := range r.Broken {
		if i < 20 {
			t.Error(what)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Acknowledged == 0 { // a slow machine comes to few trainings
		t.Errorf("nothing happened: %v", r)
	}
}

// The same seed makes the same plan.
func TestThePlanFollowsFromTheSeed(t *testing.T) {
	a, b := newPlan(3, time.Minute, 2).String(), newPlan(3, time.Minute, 2).String()
	if a != b || a == newPlan(4, time.Minute, 2).String() {
		t.Errorf("got\n%s\nand\n%s", a, b)
	}
}

// programs builds the programs where the last test built them too, so that only what has changed is built.
func programs(t *testing.T) string {
	t.Helper()
	cache, _ := os.UserCacheDir() // a machine without one has a folder for temporary files
	dir := filepath.Join(cmp.Or(cache, os.TempDir()), "retrain-testenv", "chaos")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
