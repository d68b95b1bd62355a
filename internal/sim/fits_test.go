package sim

import (
	"slices"
	"time"
)

// A fitting is a fit that is under way. A model learns from other rows at each run, so its name and their number tell runs apart.
type fitting struct {
	*node
	model string
	rows  int
	began time.Time
}

// How long two may be at one run: until whoever has lost the lease sees it, by a call that may be very late.
const fencing = 10 * time.Second

// atWork notes that a process is at a run, until what it returns is called.
func (n *node) atWork(model string, rows int) (over func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f := &fitting{n, model, rows, time.Now()}
	n.fits = append(n.fits, f)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.fits = slices.DeleteFunc(n.fits, func(other *fitting) bool { return other == f })
	}
}

// alone: nobody else has been at the run that n is at for as long as both can have known. Who stands still knows nothing.
func (n *node) alone() {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.fits, func(f *fitting) bool { return f.node == n })
	mine := n.fits[i]
	for _, other := range n.fits {
		since := slices.MaxFunc([]time.Time{mine.began, other.began, mine.asleep, other.asleep}, time.Time.Compare)
		if other.node != n && !other.dead && other.model == mine.model && other.rows == mine.rows && time.Since(since) > fencing {
			n.brokenf("%s and %s have both been at a run of %s for %v", n.name, other.name, mine.model, time.Since(since))
		}
	}
}
