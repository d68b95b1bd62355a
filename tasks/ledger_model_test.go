package tasks_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"retrain"
	"retrain/tasks"
	"retrain/tasks/taskstest"
)

// TestTheLedgerDoesWhatItsSimpleModelDoes plays random calls, as any number of processes might make them, on Redis and on the
// ledger in plain Go.
func TestTheLedgerDoesWhatItsSimpleModelDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		rapid.Check(t, func(r *rapid.T) { compare(t, r, c) })
	})
}

func compare(t *testing.T, r *rapid.T, c *tasks.Conn) {
	ctx := t.Context()
	if err := c.Redis.FlushDB(ctx).Err(); err != nil {
		r.Fatal(err)
	}
	now := noon
	clock := func() time.Time { return now }
	l := &tasks.Ledger{Conn: c, Now: clock}
	m := &taskstest.Ledger{Server: new(taskstest.Server), Now: clock}
	folds := map[string][]string{retrain.Absorption("r", 1): {"a", "b"}, retrain.Absorption("r", 2): {"c", "d"}}
	batches := []string{"a", "b", "c", "d", "e", retrain.Absorption("r", 1), retrain.Absorption("r", 2)}
	some := rapid.SliceOf(rapid.SampledFrom(batches))
	run := rapid.IntRange(1, 5)
	both := func(got retrain.State, err error) func(retrain.State, error) {
		return func(want retrain.State, wanted error) {
			if (err == nil) != (wanted == nil) || err != nil && retrain.CodeOf(err) != retrain.CodeOf(wanted) {
				r.Fatalf("got %v, want %v", err, wanted)
			}
			if got != want {
				r.Fatalf("state\n got %+v\nwant %+v", got, want)
			}
		}
	}
	none := func(err error) (retrain.State, error) { return retrain.State{}, err }
	r.Repeat(map[string]func(*rapid.T){
		"count": func(r *rapid.T) {
			batch, rows := rapid.SampledFrom(batches[:5]).Draw(r, "batch"), rapid.IntRange(0, 9).Draw(r, "rows")
			both(l.Count(ctx, "price", batch, rows))(m.Count(ctx, "price", batch, rows))
		},
		"count all": func(r *rapid.T) {
			rows := make(map[string]int)
			for _, batch := range rapid.SliceOf(rapid.SampledFrom(batches[:5])).Draw(r, "counted") {
				rows[batch] = rapid.IntRange(0, 9).Draw(r, "rows")
			}
			both(none(l.CountAll(ctx, "price", rows)))(none(m.CountAll(ctx, "price", rows)))
		},
		"take": func(r *rapid.T) {
			n, took := run.Draw(r, "run"), some.Draw(r, "batches")
			both(none(l.Take(ctx, run7(n), took)))(none(m.Take(ctx, run7(n), took)))
		},
		"settle": func(r *rapid.T) {
			n := run.Draw(r, "run")
			o := retrain.Outcome{Learnt: rapid.Bool().Draw(r, "learnt"), At: now}
			if o.Cancelled = !o.Learnt && rapid.Bool().Draw(r, "cancelled"); !o.Learnt && !o.Cancelled {
				o.Failed, o.Needs = rapid.Bool().Draw(r, "failed"), rapid.IntRange(0, 3).Draw(r, "needs")
				o.Error = rapid.SampledFrom([]string{"", "why"}).Draw(r, "error")
			}
			both(l.Settle(ctx, run7(n), o))(m.Settle(ctx, run7(n), o))
		},
		"requested": func(r *rapid.T) {
			n := run.Draw(r, "run")
			both(l.Requested(ctx, run7(n)))(m.Requested(ctx, run7(n)))
		},
		"hand on": func(r *rapid.T) {
			n, attempt := run.Draw(r, "run"), rapid.IntRange(0, 2).Draw(r, "attempt")
			both(l.HandOn(ctx, run7(n), attempt))(m.HandOn(ctx, run7(n), attempt))
		},
		"forget": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "luck") == 0 {
				latest := run.Draw(r, "latest")
				both(none(l.Forget(ctx, "price", latest)))(none(m.Forget(ctx, "price", latest)))
			}
		},
		"uncovered": func(r *rapid.T) {
			got, err := l.Uncovered(ctx, "price")
			want, wanted := m.Uncovered(ctx, "price")
			both(retrain.State{Inserted: got}, err)(retrain.State{Inserted: want}, wanted)
		},
		"progress": func(r *rapid.T) {
			p := retrain.Progress{Run: run7(run.Draw(r, "run")).String()}
			both(none(l.SetProgress(ctx, "price", p)))(none(m.SetProgress(ctx, "price", p)))
		},
		"fold": func(r *rapid.T) {
			n := rapid.SampledFrom(batches[5:]).Draw(r, "absorption")
			missing, err := l.Fold(ctx, "price", n, folds[n])
			want, wanted := m.Fold(ctx, "price", n, folds[n])
			both(none(err))(none(wanted))
			if !slices.Equal(missing, want) {
				r.Fatalf("to be counted before: %v, want %v", missing, want)
			}
		},
		"retain": func(r *rapid.T) {
			left := some.Draw(r, "left")
			both(none(l.Retain(ctx, "price", left)))(none(m.Retain(ctx, "price", left)))
		},
		"reset": func(r *rapid.T) {
			s := retrain.State{Latest: rapid.IntRange(0, 3).Draw(r, "latest"), Failures: rapid.IntRange(0, 2).Draw(r, "failures")}
			learnt, taken, folded := some.Draw(r, "learnt"), map[string]int{}, some.Draw(r, "folded")
			if s.Latest > 0 && rapid.Bool().Draw(r, "running") {
				s.Running, s.Since = s.Latest, now
				for _, b := range some.Draw(r, "taken") {
					taken[b] = 3
				}
			}
			both(none(l.Reset(ctx, "price", s, learnt, taken, folded)))(none(m.Reset(ctx, "price", s, learnt, taken, folded)))
		},
		"lose everything": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "luck") == 0 {
				if err := c.Redis.FlushDB(ctx).Err(); err != nil {
					r.Fatal(err)
				}
				m.Server.Flush()
			}
		},
		"": func(r *rapid.T) {
			now = now.Add(time.Second)
			both(l.State(ctx, "price"))(m.State(ctx, "price"))
			missing, err := l.Uncounted(ctx, "price", batches)
			want, wanted := m.Uncounted(ctx, "price", batches)
			both(none(err))(none(wanted))
			if !slices.Equal(missing, want) {
				r.Fatalf("uncounted %v, want %v", missing, want)
			}
		},
	})
}
