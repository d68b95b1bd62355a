package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A report says what was played and found.
type report struct {
	Took, Rest       time.Duration
	Faults           map[string]int
	Acknowledged     int // rows
	Open             int // batches of which nobody was told
	Stored           int // rows
	Batches          int
	Runs             map[string]int // by verdict
	Versions, Moves  int
	Looks            int // at the champions, meanwhile
	Answers, Refused int // by the predictors
	Asked            int // answers that were compared with their versions' afterwards
	Interrupted      map[string]bool
	Again            int // runs that were trained once more, with the same bytes
	AgainInterrupted int
	Terms            []time.Duration
	Broken           []string
}

// account fills in what was counted on the way.
func (c *checker) account() {
	c.Faults, c.Acknowledged, c.Open, c.Batches = c.faults, len(c.acks.rows), c.acks.open, len(c.batches)
	c.Looks, c.Answers, c.Refused = c.moves.looks, len(c.asked.all), c.asked.fail
	for _, p := range c.all {
		c.Terms = append(c.Terms, p.terms...)
	}
	slices.Sort(c.Terms)
}

func (r *report) String() string {
	var b strings.Builder
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(&b, "%s %d, ", kind, r.Faults[kind])
		total += r.Faults[kind]
	}
	faults := strings.TrimSuffix(b.String(), ", ")
	b.Reset()
	fmt.Fprintf(&b, "%v of faults, %v until rest\n", r.Took.Round(time.Second), r.Rest.Round(time.Second))
	fmt.Fprintf(&b, "faults       %d: %s\n", total, faults)
	fmt.Fprintf(&b, "rows         %d acknowledged, %d stored in %d batches; of %d batches nobody was told\n", r.Acknowledged, r.Stored, r.Batches, r.Open)
	fmt.Fprintf(&b, "runs         %v, %d of them interrupted; %d versions; %d moves of champions, looked at %d times\n", r.Runs, len(r.Interrupted), r.Versions, r.Moves, r.Looks)
	fmt.Fprintf(&b, "predictions  %d answered, %d refused; %d compared with their version\n", r.Answers, r.Refused, r.Asked)
	fmt.Fprintf(&b, "once more    %d runs with the same bytes, %d of them interrupted ones\n", r.Again, r.AgainInterrupted)
	if n := len(r.Terms); n > 0 {
		fmt.Fprintf(&b, "SIGTERM      %d times; to the end p50 %v, max %v\n", n, r.Terms[n/2].Round(time.Millisecond), r.Terms[n-1].Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "broken       %d", len(r.Broken))
	return b.String()
}
