package tasks_test

import (
	"fmt"
	"testing"
	"time"

	"retrain"
	"retrain/tasks"
)

// What is read in one go is what is read one by one.
func TestOverviewSaysWhatTheLedgerSays(t *testing.T) {
	conn := connect(t)
	l := &tasks.Ledger{Conn: conn}
	var models []string
	for i := range 300 {
		models = append(models, fmt.Sprintf("m%d", i))
	}
	since := time.Now().UTC().Truncate(time.Millisecond)
	if err := l.Reset(t.Context(), "m7", retrain.State{Latest: 3, Running: 3, Inserted: 11, Since: since, LastError: "too hot"}, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.SetProgress(t.Context(), "m7", retrain.Progress{Run: "m7-3", CurrentEpoch: 5, Curve: &retrain.Curve{Epochs: []int{1}, Losses: []float64{0.5}}}); err != nil {
		t.Fatal(err)
	}
	if err := (&tasks.Drifts{Conn: conn}).Say(t.Context(), "m299", retrain.Drift{Rows: 600, PSI: map[string]float64{"cost": 0.5}}); err != nil {
		t.Fatal(err)
	}
	looks, err := l.Overview(t.Context(), models)
	if err != nil {
		t.Fatal(err)
	}
	want, err := l.State(t.Context(), "m7")
	if err != nil {
		t.Fatal(err)
	}
	want.At = time.Time{} // it is not asked for
	got := looks[7]
	if !got.Known || got.State != want || got.Progress == nil || got.Progress.CurrentEpoch != 5 || got.Progress.Curve.Losses[0] != 0.5 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(looks) != 300 || looks[8].Known || looks[8].Progress != nil || looks[299].Drift != 0.5 {
		t.Errorf("got %d looks, the 8th %+v, the last %+v", len(looks), looks[8], looks[299])
	}
}

// Workers that say nothing any more are not shown.
func TestSignsOfLife(t *testing.T) {
	s := &tasks.Signs{Conn: connect(t)}
	for _, role := range []string{"train", "predict", "train"} {
		if err := s.Give(t.Context(), tasks.Sign{Host: "a", PID: 1, Role: role, Devices: []tasks.Device{{Kind: "GPU", Memory: 1 << 33}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Conn.Redis.HSet(t.Context(), "retrain:signs", "b:2:train", `{"host":"b","at":"2020-01-01T00:00:00Z"}`, "c:3:train", "?").Err(); err != nil {
		t.Fatal(err)
	}
	alive, err := s.Alive(t.Context())
	if err != nil || len(alive) != 2 || alive[0].Role != "predict" || alive[1].Devices[0].Memory != 1<<33 {
		t.Errorf("got %+v, %v", alive, err)
	}
	if n := s.Conn.Redis.HLen(t.Context(), "retrain:signs").Val(); n != 2 {
		t.Errorf("%d signs are kept, want 2", n)
	}
}

func TestRecentEventsAreTheLatest(t *testing.T) {
	s := &tasks.Stream{Conn: connect(t)}
	for i := range 5 {
		if err := s.Announce(t.Context(), retrain.Event{Type: retrain.RunEnded, Model: "price", Run: i}); err != nil {
			t.Fatal(err)
		}
	}
	events, err := s.Recent(t.Context(), 2)
	if err != nil || len(events) != 2 || events[0].Run != 4 || events[1].Run != 3 {
		t.Errorf("got %+v, %v", events, err)
	}
}
