// Command runs measures what our handlers cost beside asynq alone, and how long a run is without a worker: from a worker's death
// to its resumption elsewhere, from a cancel to the worker's being free, from SIGTERM to the process's end. Real programs, a real
// Redis and S3 gateway; `make bench-runs`.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "folder of the programs")
	times := flag.Int("n", 20, "how often each is measured; 0: not at all")
	pairs := flag.Int("pairs", 20, "how often our worker is compared with asynq alone; 0: not at all")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	folder, err := filepath.Abs(*bin) // the S3 gateway moves to another folder
	if err == nil && *pairs > 0 {
		err = overhead(ctx, *pairs)
	}
	if err == nil && *times > 0 {
		err = measure(ctx, folder, *times)
	}
	stop()
	fmt.Println("load:", load())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A series is what was measured of one thing.
type series struct {
	What string
	Took []time.Duration
}

func (s *series) String() string {
	slices.Sort(s.Took)
	n := len(s.Took)
	if n == 0 {
		return s.What + ": nothing was measured"
	}
	return fmt.Sprintf("%-46s n %d  p50 %6.2f s  max %6.2f s", s.What, n, s.Took[n/2].Seconds(), s.Took[n-1].Seconds())
}

func measure(ctx context.Context, bin string, times int) error {
	s, err := open(ctx, bin)
	if err != nil {
		return err
	}
	defer s.close()
	for _, act := range []func(context.Context, int) ([]*series, error){s.deaths, s.terms, s.cancels} {
		all, err := act(ctx, times)
		if err != nil {
			return err
		}
		for _, one := range all {
			fmt.Println(one)
		}
	}
	return nil
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

var quiet = slog.New(slog.DiscardHandler)
