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
package sim
