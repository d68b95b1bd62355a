package app_test

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"retrain"
	"retrain/internal/app"
)

// made puts a version into S3 as its run would have, which ended in a state, or has not ended for "".
func made(t *testing.T, a *app.App, n int, state retrain.RunState) {
	t.Helper()
	id := retrain.RunID{Model: "price", Number: n}
	if err := a.Runs.CreateRun(t.Context(), retrain.Run{ID: id, Reason: retrain.ByHand, RequestedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Runs.StartRun(t.Context(), id, retrain.Start{BeganAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	mf := retrain.Manifest{Format: 1, Model: "price", Version: n, Fit: retrain.Fit{Preparation: []byte("{}"), Details: []byte("{}")}}
	files := fstest.MapFS{"saved_model.pb": {Data: []byte("graph")}, "variables/variables.index": {Data: []byte("w")}}
	if _, err := a.Registry.Publish(t.Context(), mf, files); err != nil {
		t.Fatal(err)
	}
	if state == "" {
		return
	}
	if _, err := a.Runs.FinishRun(t.Context(), id, retrain.Result{State: state, EndedAt: time.Now(), Version: n}); err != nil {
		t.Fatal(err)
	}
	if state != retrain.Published {
		return
	}
	if _, err := a.Registry.MoveChampion(t.Context(), "price", func(c retrain.Champion) (retrain.Champion, bool) { return c.Next(n, time.Now(), "test") }); err != nil {
		t.Fatal(err)
	}
}

func kept(t *testing.T, a *app.App) []int {
	t.Helper()
	if err := a.Keeper.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	numbers, err := a.Registry.Numbers(t.Context(), "price")
	if err != nil {
		t.Fatal(err)
	}
	return numbers
}

func TestKeep(t *testing.T) {
	t.Parallel()
	a := opened(t)
	specs, err := a.Specs.Specs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	specs.Models[0].Keep, specs.Models[0].Labels = 2, map[string]int{"canary": 2}
	if _, _, err := a.Specs.Apply(t.Context(), specs); err != nil {
		t.Fatal(err)
	}
	a.Catalog.Forget()
	for n := 1; n <= 9; n++ {
		state := retrain.Published
		if n == 7 {
			state = retrain.Cancelled // in the moment of its publishing
		}
		made(t, a, n, state)
	}
	if _, err := a.Pin(t.Context(), "price", 3, true); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Promote(t.Context(), "price", 4); err != nil { // 9 is the one before it
		t.Fatal(err)
	}
	if got, want := kept(t, a), []int{9, 8, 6, 4, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	if _, err := a.Rollback(t.Context(), "price", 4); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("back to what was removed: got %v", err)
	}
	if _, err := a.Promote(t.Context(), "price", 5); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("promote what was removed: got %v", err)
	}
	if _, err := a.Pin(t.Context(), "price", 3, false); err != nil {
		t.Fatal(err)
	}
	if got, want := kept(t, a), []int{9, 8, 6, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("unpinned: kept %v, want %v", got, want)
	}
	pins, err := a.Registry.Pins(t.Context(), "price")
	if err != nil || len(pins.Retired) != 0 || len(pins.Pinned) != 0 {
		t.Errorf("pins %+v, %v", pins, err)
	}
}

// Whoever died while he removed a version has left word; what was retired cannot serve any more, and what serves is not removed.
func TestKeepGoesOnWithWhatWasRetired(t *testing.T) {
	t.Parallel()
	a := opened(t)
	for n := 1; n <= 4; n++ {
		made(t, a, n, retrain.Published)
	}
	retire := func(versions ...int) {
		t.Helper()
		if _, err := a.Registry.ChangePins(t.Context(), "price", func(p retrain.Pins) (retrain.Pins, bool) {
			p.Retired = append(p.Retired, versions...)
			return p, true
		}); err != nil {
			t.Fatal(err)
		}
	}
	retire(1, 4)
	if err := a.Bucket.Delete(t.Context(), "models/price/versions/1/manifest.json"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Registry.MoveChampion(t.Context(), "price", func(c retrain.Champion) (retrain.Champion, bool) { return c.Moved(1, time.Now(), "test") }); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("promote what is being removed: got %v", err)
	}
	if got, want := kept(t, a), []int{4, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

func TestHistoryAnswersWhatServed(t *testing.T) {
	t.Parallel()
	a := opened(t)
	before := time.Now()
	var between []time.Time
	for n := 1; n <= 3; n++ {
		made(t, a, n, retrain.Published)
		between = append(between, time.Now())
	}
	a.By = "somebody"
	if _, err := a.Rollback(t.Context(), "price", 1); err != nil {
		t.Fatal(err)
	}
	all, err := a.History(t.Context(), "price", time.Time{})
	if err != nil || len(all) != 4 || all[0].Version != 2 || all[0].By != "somebody" || all[0].Until != nil || !all[1].Until.Equal(all[0].At) || all[1].By != "" {
		t.Errorf("got %+v, %v", all, err)
	}
	for i, at := range between {
		if got, err := a.History(t.Context(), "price", at); err != nil || len(got) != 1 || got[0].Version != i+1 {
			t.Errorf("after version %d: got %+v, %v", i+1, got, err)
		}
	}
	if _, err := a.History(t.Context(), "price", before); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("before all: got %v", err)
	}
}
