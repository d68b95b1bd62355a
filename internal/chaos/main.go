// Command chaos lets the whole system run as real processes on a real Redis and a real S3 gateway, with a proxy in every
// connection and a wrong clock, while a plan that follows from a seed kills, stops, cuts off and empties what it can. At the end everything
// heals, and a checker that reads S3 alone compares what is there with what the clients were told.
//
//	go run ./internal/chaos -seed 7 -for 5m -dir .chaos
//
// The same seed makes the same plan; what the processes do in the meantime is up to the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.Uint64Var(&o.Seed, "seed", 1, "what the plan of faults follows from")
	flag.DurationVar(&o.For, "for", 5*time.Minute, "how long there are faults")
	flag.StringVar(&o.Dir, "dir", ".chaos", "folder for the programs, data and logs; what it held is removed")
	flag.DurationVar(&o.Patience, "patience", 4*time.Minute, "how long the system may take then until nothing is left to do")
	flag.IntVar(&o.Again, "again", 6, "how many runs are trained once more, and compared")
	flag.StringVar(&o.Bin, "bin", "", "folder of the programs; when empty they are built, with clocks that can be wrong: others are always right")
	flag.StringVar(&o.Other, "other", "", "folder of another version's programs: each process changes the version whenever it is started")
	flag.StringVar(&o.Redis, "redis", single, "single, sentinel (a master, two replicas) or cluster (three masters, three replicas)")
	flag.IntVar(&o.Workers, "workers", 2, "how many trainers, and how many predictors")
	flag.BoolVar(&o.Namespaces, "netns", false, "each process in a network namespace of its own (as root, with iproute2)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	report, err := play(ctx, o)
	stop()
	fmt.Println(report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// Options say what is to be played.
type options struct {
	Seed uint64
	For  time.Duration
	Dir  string
	Bin  string

	Other      string
	Redis      string
	Workers    int
	Namespaces bool

	Patience time.Duration

	Again int
	Quiet bool // nothing is printed on the way
}

// errBroken is returned when something does not hold that must.
var errBroken = errors.New("the system broke its word")

// play sets the stage, plays the plan, waits until all is at rest, and checks. What was found lies in Dir.
func play(ctx context.Context, o options) (*report, error) {
	s, err := newStage(ctx, o)
	if err != nil {
		return &report{}, err
	}
	defer s.close() //nolint:contextcheck // an interrupt, too, leaves no namespaces behind
	plan := newPlan(o.Seed, o.For, s.Workers)
	s.sayf("seed %d: %d faults in %v; logs in %s\n%s", o.Seed, len(plan), o.For, s.dir, plan)
	if err := s.ready(ctx); err != nil {
		return &report{}, err
	}
	s.clients(ctx)
	began := time.Now()
	plan.play(ctx, s)
	s.heal(ctx)
	took := time.Since(began)
	if err := ctx.Err(); err != nil {
		return &report{}, err
	}
	c := &checker{stage: s, report: report{Runs: make(map[string]int)}}
	c.rest(ctx)
	s.stopClients()
	c.check(ctx)
	s.stopAll()
	c.again(ctx)
	c.Took = took
	c.account()
	text := c.String() + "\n" + strings.Join(c.Broken, "\n")
	if err := os.WriteFile(filepath.Join(s.dir, "report.txt"), []byte(text), 0o600); err != nil {
		return &c.report, err
	}
	if len(c.Broken) > 0 {
		return &c.report, fmt.Errorf("%w; see %s", errBroken, s.dir)
	}
	return &c.report, nil
}
