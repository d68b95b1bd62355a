package tasks_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"retrain"
	"retrain/tasks"
)

// A simple is the ledger's semantics in plain Go, for one model.
type simple struct {
	exists         bool
	state          retrain.State
	pending, taken map[string]int // rows; unknown in taken
	learnt         map[string]bool
	taker, settled int
	sinceBefore    time.Time
}

const unknown = -1

func (m *simple) known(run int) bool {
	return run > m.settled || run == m.taker || run == m.state.Running || run == m.state.Queued
}

func (m *simple) count(batch string, rows int) {
	if _, ok := m.pending[batch]; ok || m.learnt[batch] {
		return
	}
	if was, ok := m.taken[batch]; ok {
		if was == unknown {
			m.taken[batch] = rows
		}
		return
	}
	m.pending[batch] = rows
}

func (m *simple) take(run int, batches []string, at time.Time) (conflict bool) {
	if !m.known(run) {
		return false
	}
	if m.taker != 0 && m.taker != run {
		return true
	}
	m.taker = run
	for _, b := range batches {
		if _, ok := m.taken[b]; ok || m.learnt[b] {
			continue
		}
		m.taken[b] = unknown
		if rows, ok := m.pending[b]; ok {
			m.taken[b] = rows
			delete(m.pending, b)
		}
	}
	if m.state.Running == run {
		return false
	}
	m.sinceBefore = m.state.Since
	m.state.Since, m.state.Running, m.state.Latest = at, run, max(m.state.Latest, run)
	if m.state.Queued == run {
		m.state.Queued = 0
	} else {
		m.state.Attempt = 0
	}
	return false
}

func (m *simple) settle(run int, o retrain.Outcome) {
	if !m.known(run) {
		return
	}
	if m.taker == run {
		for b, rows := range m.taken {
			if o.Learnt {
				m.learnt[b] = true
			} else if rows != unknown {
				m.pending[b] = rows
			}
		}
		m.taker, m.taken = 0, make(map[string]int)
	}
	s := &m.state
	if s.Running == run || s.Running == 0 && s.Queued == run {
		s.Attempt = 0
	}
	if s.Running == run {
		if !o.Learnt {
			s.Since = m.sinceBefore
		}
		s.Running = 0
	}
	if s.Queued == run {
		s.Queued = 0
	}
	m.settled, s.Latest = max(m.settled, run), max(s.Latest, run)
	if o.Learnt {
		s.Failures, s.NotBefore = 0, time.Time{}
	} else if o.Failed {
		s.Failures++
		s.NotBefore = o.At.Add(retrain.Backoff(s.Failures))
	}
	s.LastError, s.Needs = o.Error, 0
	if o.Needs > 0 {
		s.Needs = m.inserted() + o.Needs
	}
}

func (m *simple) requested(run int) {
	s := &m.state
	if run < s.Latest || run <= m.settled || run == s.Running || run == s.Queued {
		return
	}
	s.Queued, s.Latest = run, run
	if s.Running == 0 {
		s.Attempt = 0
	}
}

func (m *simple) handOn(run, attempt int) (conflict bool) {
	open := m.state.Running
	if open == 0 {
		open = m.state.Queued
	}
	if open != run || m.state.Attempt != attempt {
		return true
	}
	m.state.Attempt++
	return false
}

func (m *simple) inserted() (n int) {
	for _, rows := range m.pending {
		n += rows
	}
	return n
}

func (m *simple) uncounted(batches []string) (missing []string) {
	for _, b := range batches {
		_, pending := m.pending[b]
		if rows, taken := m.taken[b]; !pending && !m.learnt[b] && (!taken || rows == unknown) {
			missing = append(missing, b)
		}
	}
	return missing
}

// TestTheLedgerDoesWhatItsSimpleModelDoes plays random calls, as any number of processes might make them, on both.
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
	l := &tasks.Ledger{Conn: c, Now: func() time.Time { return now }}
	m := &simple{pending: map[string]int{}, taken: map[string]int{}, learnt: map[string]bool{}}
	batches := []string{"a", "b", "c", "d", "e"}
	some := rapid.SliceOf(rapid.SampledFrom(batches))
	run := rapid.IntRange(1, 5)
	noState := func(err error) bool { // reports whether there is nothing more to compare
		if !m.exists && !errors.Is(err, retrain.NotFoundError) {
			r.Fatalf("got %v, want a NotFoundError", err)
		}
		return !m.exists
	}
	check := func(err error, conflict bool) {
		if conflict != errors.Is(err, retrain.ConflictError) || !conflict && err != nil {
			r.Fatalf("got %v, want a conflict: %v", err, conflict)
		}
	}
	r.Repeat(map[string]func(*rapid.T){
		"count": func(r *rapid.T) {
			batch, rows := rapid.SampledFrom(batches).Draw(r, "batch"), rapid.IntRange(0, 9).Draw(r, "rows")
			_, err := l.Count(ctx, "price", batch, rows)
			if !noState(err) {
				check(err, false)
				m.count(batch, rows)
			}
		},
		"take": func(r *rapid.T) {
			n, took := run.Draw(r, "run"), some.Draw(r, "batches")
			err := l.Take(ctx, run7(n), took, now)
			if !noState(err) {
				check(err, m.take(n, took, now))
			}
		},
		"settle": func(r *rapid.T) {
			n := run.Draw(r, "run")
			o := retrain.Outcome{Learnt: rapid.Bool().Draw(r, "learnt"), At: now}
			if !o.Learnt {
				o.Failed, o.Needs = rapid.Bool().Draw(r, "failed"), rapid.IntRange(0, 3).Draw(r, "needs")
				o.Error = rapid.SampledFrom([]string{"", "why"}).Draw(r, "error")
			}
			_, err := l.Settle(ctx, run7(n), o)
			if !noState(err) {
				check(err, false)
				m.settle(n, o)
			}
		},
		"requested": func(r *rapid.T) {
			n := run.Draw(r, "run")
			_, err := l.Requested(ctx, run7(n))
			if !noState(err) {
				check(err, false)
				m.requested(n)
			}
		},
		"hand on": func(r *rapid.T) {
			n, attempt := run.Draw(r, "run"), rapid.IntRange(0, 2).Draw(r, "attempt")
			_, err := l.HandOn(ctx, run7(n), attempt)
			if !noState(err) {
				check(err, m.handOn(n, attempt))
			}
		},
		"reset": func(r *rapid.T) {
			s := retrain.State{Latest: rapid.IntRange(0, 3).Draw(r, "latest"), Failures: rapid.IntRange(0, 2).Draw(r, "failures")}
			learnt, taken := some.Draw(r, "learnt"), map[string]int{}
			if s.Latest > 0 && rapid.Bool().Draw(r, "running") {
				s.Running, s.Since = s.Latest, now
				for _, b := range some.Draw(r, "taken") {
					taken[b] = 3
				}
			}
			if err := l.Reset(ctx, "price", s, learnt, taken); err != nil {
				r.Fatal(err)
			}
			if m.exists {
				return
			}
			for _, b := range learnt {
				delete(taken, b)
			}
			*m = simple{exists: true, state: s, pending: map[string]int{}, taken: taken, learnt: map[string]bool{}, taker: s.Running,
				settled: s.Latest, sinceBefore: s.Since}
			if s.Running != 0 {
				m.settled--
			}
			for _, b := range learnt {
				m.learnt[b] = true
			}
		},
		"lose everything": func(r *rapid.T) {
			if rapid.IntRange(0, 9).Draw(r, "luck") == 0 {
				if err := c.Redis.FlushDB(ctx).Err(); err != nil {
					r.Fatal(err)
				}
				m.exists = false
			}
		},
		"": func(r *rapid.T) {
			now = now.Add(time.Second)
			got, err := l.State(ctx, "price")
			if noState(err) {
				return
			}
			check(err, false)
			want := m.state
			want.Inserted, got.Handed = m.inserted(), time.Time{}
			if got != want {
				r.Fatalf("state\n got %+v\nwant %+v", got, want)
			}
			missing, err := l.Uncounted(ctx, "price", batches)
			check(err, false)
			if want := m.uncounted(batches); !slices.Equal(missing, want) {
				r.Fatalf("uncounted %v, want %v", missing, want)
			}
			if got, want := c.Redis.HLen(ctx, "retrain:{price}:taken").Val(), len(m.taken); int(got) != want {
				r.Fatalf("%d taken, want %v", got, slices.Sorted(maps.Keys(m.taken)))
			}
		},
	})
}
