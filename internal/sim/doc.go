// Package sim has no code of its own: its tests play the control logic of the whole system, many times a second, on a clock
// that jumps to whatever happens next, over a bucket and a server in memory that fail as a seed says.
//
//	go test ./internal/sim -run TestSim -sim.seeds=10000       so many stories, beginning with -sim.first
//	go test ./internal/sim -run TestSim -sim.seed=42 -v        one of them, call by call
//
// Every call of every process to S3 or Redis waits until the schedule lets it go: it may be late, be lost, happen without its
// answer, happen twice, or be the last that its process does. Processes die, stand still and come back, clocks jump, Redis is
// emptied, or an old state of it comes back. What holds all the time is checked at every write, the rest at the end, when all
// is well again and nothing is left to do.
//
// That it would find something is itself tried, by hand: a bug is planted, and the first stories that tell of it stop the play. Of
// these each was found within the first stories, and this is what they said:
//
//	the pointer takes any published version, not only a     "the champion of all went from {… Version:3 Sequence:2 …} to
//	higher one (Champion.Next)                              {… Version:3 Sequence:3 …}"
//	FinishRun writes without If-None-Match                  "models/clock/runs/00000002/result.json was written twice"
//	Insert acknowledges what Append gave an error for       "clock-3 was requested by inserts, and 39 rows are new, of 40"
//	a failed run's rows count as learnt (Run.outcome)       "not at rest: all: 111 rows are left"
//	the sweep hands no abandoned run on (Sweeper.revive)    "not at rest: all-3 has no verdict"
//
// What it does not find, in the 250 stories that were tried: a worker that goes on after it has lost its lease. Two at one run for longer
// than both can help is an error here, but fits are mostly over before that. Each write is conditional, so nothing comes of it but wasted
// work, which is what the lease is for; the leases have a contract suite and tests of processes of their own.
//
//	go test ./internal/sim -run TestSim -sim.compact -sim.seeds=300
//
// has the schedulers compact the records, and die at it. It is off by default as long as it finds what is not mended yet: a batch that is
// counted twice where Redis is rebuilt just then (seed 56), and a reader that goes round the log, the index and a pack without end, for
// a batch that is in none of them (seeds 121, 164 and 282).
package sim
