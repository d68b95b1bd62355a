package retrain_test

import (
	"testing"
	"time"

	"retrain"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestDue(t *testing.T) {
	inserts, daily := retrain.Trigger{Inserts: 10}, retrain.Trigger{Every: 24 * time.Hour}
	either := retrain.Trigger{Inserts: 10, Every: 24 * time.Hour}
	for _, test := range []struct {
		name    string
		trigger retrain.Trigger
		state   retrain.State
		want    retrain.Reason
	}{
		{"no trigger", retrain.Trigger{}, retrain.State{Inserted: 1000}, ""},
		{"one row short", inserts, retrain.State{Inserted: 9}, ""},
		{"just enough", inserts, retrain.State{Inserted: 10}, retrain.ByInserts},
		{"stays due", inserts, retrain.State{Inserted: 25}, retrain.ByInserts},
		{"due while another runs", inserts, retrain.State{Inserted: 10, Running: 3}, retrain.ByInserts},
		{"already waits", inserts, retrain.State{Inserted: 10, Queued: 4}, ""},
		{"paused", inserts, retrain.State{Inserted: 10, Paused: true}, ""},
		{"backs off", inserts, retrain.State{Inserted: 10, NotBefore: noon.Add(time.Second)}, ""},
		{"has backed off", inserts, retrain.State{Inserted: 10, NotBefore: noon}, retrain.ByInserts},
		{"waits for rows", inserts, retrain.State{Inserted: 12, Needs: 13}, ""},
		{"has the rows", inserts, retrain.State{Inserted: 13, Needs: 13}, retrain.ByInserts},
		{"never trained", daily, retrain.State{}, retrain.ByInterval},
		{"a second early", daily, retrain.State{Since: noon.Add(time.Second - 24*time.Hour)}, ""},
		{"on time", daily, retrain.State{Since: noon.Add(-24 * time.Hour)}, retrain.ByInterval},
		{"months late", daily, retrain.State{Since: noon.AddDate(0, -5, 0)}, retrain.ByInterval},
		{"not so many new ones since a cancel", inserts, retrain.State{Inserted: 25, SetAside: 16}, ""},
		{"as many new ones since a cancel", inserts, retrain.State{Inserted: 26, SetAside: 16}, retrain.ByInserts},
		{"months to come", retrain.Trigger{Every: 4000 * time.Hour}, retrain.State{Since: noon.AddDate(0, -5, 0)}, ""},
		{"months have come", retrain.Trigger{Every: 4000 * time.Hour}, retrain.State{Since: noon.AddDate(0, -6, 0)}, retrain.ByInterval},
		{"another's clock is ahead", daily, retrain.State{Since: noon.Add(10 * time.Minute)}, ""},
		{"the clock jumped back", daily, retrain.State{Since: noon.AddDate(1, 0, 0)}, retrain.ByInterval},
		{"the clock jumped back in a back-off", inserts, retrain.State{Inserted: 10, NotBefore: noon.AddDate(1, 0, 0)}, retrain.ByInserts},
		{"drifted", retrain.Trigger{Drift: 0.25}, retrain.State{Drifted: 0.3, Inserted: 1}, retrain.ByDrift},
		{"drifted a little", retrain.Trigger{Drift: 0.25}, retrain.State{Drifted: 0.2, Inserted: 1}, ""},
		{"drifted, and nothing new to learn", retrain.Trigger{Drift: 0.25}, retrain.State{Drifted: 0.3}, ""},
		{"drifted, and a run is at it", retrain.Trigger{Drift: 0.25}, retrain.State{Drifted: 0.3, Inserted: 1, Running: 3}, ""},
		{"both: inserts first", either, retrain.State{Inserted: 10, Since: noon}, retrain.ByInserts},
		{"both: time first", either, retrain.State{Inserted: 1, Since: noon.AddDate(0, 0, -2)}, retrain.ByInterval},
	} {
		why, due := test.trigger.Due(test.state, noon)
		if why != test.want || due != (test.want != "") {
			t.Errorf("%s: due for %q (%v), want %q", test.name, why, due, test.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 0, 1: 10 * time.Second, 2: 20 * time.Second, 3: 40 * time.Second, 9: 2560 * time.Second, 10: time.Hour, 1000: time.Hour,
	} {
		if got := retrain.Backoff(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}
