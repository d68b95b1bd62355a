package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
)

// Two models whose runs do not end by themselves.
const twoLong = `
resources: {products: {}}
models:
  one: {type: neural-network, resource: products, features: [cost], target: price, modelConfig: {epochs: 1000000, layers: [{units: 8}]}}
  two: {type: neural-network, resource: products, features: [cost], target: price, modelConfig: {epochs: 1000000, layers: [{units: 8}]}}
`

// Two workers of one machine share a slot: however many runs asynq gives them, one trains, and the other's waits and says so. When
// the one is killed, the system frees the slot at once.
func TestWorkersShareASlot(t *testing.T) {
	w := newWorld(t)
	go roles.Schedule(t.Context(), w.app, httpapi.NewMetrics("test"))
	w.declare(twoLong)
	w.insert()
	slot := fmt.Sprint("test-", syscall.Getpid())
	first := w.worker("train", "--slot", slot)
	one, err := w.app.Train(t.Context(), "one", true)
	if err != nil {
		t.Fatal(err)
	}
	w.progresses(one, 0)
	w.worker("train", "--slot", slot)
	two, err := w.app.Train(t.Context(), "two", true)
	if err != nil {
		t.Fatal(err)
	}
	w.eventually(func() error {
		p, _, err := w.app.Ledger.Progress(t.Context(), "two")
		if err == nil && !strings.Contains(p.Why, "waits for another training") {
			err = fmt.Errorf("got %+v", p)
		}
		if p.ProgressPercentage > 0 {
			t.Fatal("two trainings are in one slot")
		}
		return err
	})
	signal(t, first, syscall.SIGKILL)
	w.eventually(func() error { return gone(first.Process.Pid) })
	before := w.percentages(one, two)
	w.eventually(func() error { // the first goes on, or the second begins
		now := w.percentages(one, two)
		if now == before {
			return fmt.Errorf("they stand at %v", now)
		}
		return nil
	})
	w.cancelled(one)
	w.cancelled(two)
}

// percentages tells how far two runs are.
func (w *world) percentages(one, two retrain.RunID) (at [2]float64) {
	w.Helper()
	for i, id := range []retrain.RunID{one, two} {
		p, _, err := w.app.Ledger.Progress(w.Context(), id.Model)
		if err != nil {
			w.Fatal(err)
		}
		at[i] = p.ProgressPercentage
	}
	return at
}
