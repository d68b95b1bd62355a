package sim

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// A verdict is what the schedule lets become of a call.
type verdict int

const (
	happens verdict = iota
	failsBefore
	failsAfter  // it happens, but its answer is lost
	comesTwice  // the answer to the first is lost, and the client tries again
	diesWithout // its process is dead
)

func (v verdict) String() string {
	return [...]string{"", " FAILS", " HAPPENS, FAILS", " TWICE", " DEAD"}[v]
}

// A call of a process waits for the schedule.
type call struct {
	node   *node
	server string // s3, redis
	what   string
	resume chan verdict
	fresh  bool
	at     time.Time // when it goes on
	comes  verdict
}

// A schedule lets one call go on at a time.
type schedule struct {
	random *rand.Rand
	began  time.Time
	fail   float64 // how likely a call goes wrong
	late   float64 // and how likely it is very late

	mu     sync.Mutex // guards the following
	parked []*call
	plan   []event // sorted
	wake   chan struct{}

	steps int
	trace strings.Builder
	sum   uint64
}

// An event is something that the plan lets happen.
type event struct {
	at   time.Time
	what string
	do   func()
}

func newSchedule(seed uint64) *schedule {
	r := rand.New(rand.NewPCG(seed, 7))
	s := &schedule{random: r, began: time.Now(), wake: make(chan struct{}, 1)}
	s.fail, s.late = []float64{0, 0.01, 0.03}[r.IntN(3)], []float64{0, 0.01, 0.05}[r.IntN(3)]
	return s
}

// park makes a call wait, and returns what becomes of it.
func (s *schedule) park(c *call) verdict {
	c.resume, c.fresh = make(chan verdict, 1), true
	s.mu.Lock()
	dead := c.node.dead
	if !dead {
		s.parked = append(s.parked, c)
	}
	s.mu.Unlock()
	if dead {
		return diesWithout
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return <-c.resume
}

// after plans an event.
func (s *schedule) after(d time.Duration, what string, do func()) {
	s.plan = append(s.plan, event{time.Now().Add(d), what, do})
	slices.SortStableFunc(s.plan, func(a, b event) int { return a.at.Compare(b.at) })
}

// run lets things happen until a moment.
func (s *schedule) run(until time.Time) {
	for {
		synctest.Wait()
		now := time.Now()
		next, moment := s.next(until)
		switch {
		case moment.After(now):
			select {
			case <-s.wake:
			case <-time.After(moment.Sub(now)):
			}
		case next == nil:
			return
		default:
			next()
		}
	}
}

// next returns what comes next and when; nil where that is the end.
func (s *schedule) next(end time.Time) (func(), time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admit()
	var next func()
	if len(s.plan) > 0 && s.plan[0].at.Before(end) {
		e := s.plan[0]
		end = e.at
		next = func() {
			s.plan = s.plan[1:]
			s.tracef("%s", e.what)
			e.do()
		}
	}
	for _, c := range s.parked {
		if c.at.Before(end) {
			end = c.at
			next = func() { s.release(c) }
		}
	}
	return next, end
}

// admit says when those calls go on that have just come, and how. They are put in an order that does not depend on who came
// first, since they came at the same time.
func (s *schedule) admit() {
	slices.SortStableFunc(s.parked, func(a, b *call) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.node.name, b.node.name), strings.Compare(a.what, b.what))
	})
	for _, c := range s.parked {
		if c.fresh {
			c.fresh = false
			c.at = time.Now().Add(s.latency())
			if c.node.asleep.After(c.at) {
				c.at = c.node.asleep
			}
			c.comes = s.verdict(c)
		}
	}
}

func (s *schedule) latency() time.Duration {
	if s.random.Float64() < s.late {
		return time.Duration(s.random.Int64N(int64(6 * time.Second)))
	}
	return time.Duration(100+s.random.IntN(4000)) * time.Microsecond
}

func (s *schedule) verdict(c *call) verdict {
	if time.Now().Before(c.node.cut[c.server]) {
		return failsBefore
	}
	x := s.random.Float64()
	switch {
	case x < s.fail/2:
		return failsBefore
	case x < s.fail*5/6:
		return failsAfter
	case x < s.fail:
		return comesTwice
	}
	return happens
}

func (s *schedule) release(c *call) {
	s.mu.Lock()
	s.parked = slices.DeleteFunc(s.parked, func(p *call) bool { return p == c })
	s.mu.Unlock()
	s.tracef("%-11s %s%v", c.node.name, c.what, c.comes)
	c.resume <- c.comes
}

// kill lets a process do nothing any more.
func (s *schedule) kill(n *node) {
	s.mu.Lock()
	n.dead = true
	var dying []*call
	s.parked = slices.DeleteFunc(s.parked, func(c *call) bool {
		if c.node == n {
			dying = append(dying, c)
		}
		return c.node == n
	})
	s.mu.Unlock()
	n.cancel()
	for _, c := range dying {
		c.resume <- diesWithout
	}
}

func (s *schedule) tracef(format string, args ...any) {
	line := fmt.Sprintf("%9.4f ", time.Since(s.began).Seconds()) + fmt.Sprintf(format, args...) + "\n"
	s.steps++
	h := fnv.New64a()
	h.Write([]byte(line))
	s.sum = s.sum*31 + h.Sum64()
	s.trace.WriteString(line)
}

// until returns the last lines of the trace before a word first comes, and the plan's events before them.
func (s *schedule) until(word string, n int) string {
	before, _, _ := strings.Cut(s.trace.String(), word)
	lines := strings.SplitAfter(before, "\n")
	n = max(0, len(lines)-n)
	events := slices.DeleteFunc(slices.Clone(lines[:n]), func(line string) bool { return !strings.Contains(line, " ---- ") })
	return strings.Join(append(events, lines[n:]...), "")
}
