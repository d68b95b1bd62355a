package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/internal/embedded"
	"retrain/tasks"
)

const (
	tasksEach = 3000 // of a measurement
	atOnce    = 10   // tasks
)

// A pair is one measurement of each server, right after one another: tasks per second, and processor time of this process per task.
type pair struct{ ours, raw measured }

type measured struct {
	rate float64
	cpu  time.Duration
}

// overhead serves tasks that do nothing, by our worker and by asynq alone, in pairs that begin with either in turns, and prints
// how fast ours is for each of asynq's: the median of the pairs.
func overhead(ctx context.Context, pairs int) error {
	dir, err := os.MkdirTemp("", "retrain-bench-overhead-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &embedded.Redis{Dir: dir, Log: quiet}
	if err := r.Start(ctx); err != nil {
		return err
	}
	defer r.Stop()
	conn, err := tasks.Open(tasks.Config{Addr: r.Addr()})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the server ends with it
	all := make([]pair, pairs+1)
	for i := range all {
		turns := []func(context.Context, *full) (func(), error){ours, raw}
		into := []*measured{&all[i].ours, &all[i].raw}
		if i%2 == 1 {
			slices.Reverse(turns)
			slices.Reverse(into)
		}
		for k, serve := range turns {
			if *into[k], err = measureServer(ctx, conn, serve); err != nil {
				return err
			}
		}
	}
	tellOverhead(all[1:]) // the first one warms up
	return nil
}

func tellOverhead(all []pair) {
	median := func(of func(p pair) float64) float64 {
		values := make([]float64, len(all))
		for i, p := range all {
			values[i] = of(p)
		}
		slices.Sort(values)
		n := len(values)
		return (values[(n-1)/2] + values[n/2]) / 2
	}
	fmt.Printf("tasks that do nothing, per second: ours %.0f, asynq alone %.0f; pairs %d, ratio p50 %.2f (at least 0.90)\n",
		median(func(p pair) float64 { return p.ours.rate }), median(func(p pair) float64 { return p.raw.rate }), len(all),
		median(func(p pair) float64 { return p.ours.rate / p.raw.rate }))
	fmt.Printf("processor time of the server per task: ours %.0f µs, asynq alone %.0f µs, ratio p50 %.2f\n",
		median(func(p pair) float64 { return p.ours.cpu.Seconds() * 1e6 }), median(func(p pair) float64 { return p.raw.cpu.Seconds() * 1e6 }),
		median(func(p pair) float64 { return float64(p.raw.cpu) / float64(p.ours.cpu) }))
}

// A full queue, until it is empty.
type full struct {
	conn  *tasks.Conn
	left  atomic.Int64
	began chan struct{} // is closed by the first task
	empty chan struct{} // is closed by the last one
}

func (f *full) serve() error {
	switch f.left.Add(-1) {
	case tasksEach - 1:
		close(f.began)
	case 0:
		close(f.empty)
	}
	return nil
}

// measureServer fills a queue and measures how fast a server empties it, from the first task to the last.
func measureServer(ctx context.Context, conn *tasks.Conn, serve func(context.Context, *full) (stop func(), err error)) (m measured, err error) {
	if err := conn.Redis.FlushDB(ctx).Err(); err != nil {
		return m, err
	}
	f := &full{conn: conn, began: make(chan struct{}), empty: make(chan struct{})}
	f.left.Store(tasksEach)
	g, filling := errgroup.WithContext(ctx)
	g.SetLimit(16)
	q := &tasks.Queue{Conn: conn}
	for n := range tasksEach {
		g.Go(func() error {
			return q.Enqueue(filling, retrain.RunID{Model: "price", Number: n + 1}, 0, "default", retrain.ByHand)
		})
	}
	if err := g.Wait(); err != nil {
		return m, err
	}
	stop, err := serve(ctx, f)
	if err != nil {
		return m, err
	}
	defer stop()
	<-f.began
	began, cpu := time.Now(), processorTime()
	<-f.empty
	return measured{tasksEach / time.Since(began).Seconds(), (processorTime() - cpu) / tasksEach}, nil
}

// ours is a worker as the programs have it: it logs each task, and hears of cancels.
func ours(ctx context.Context, f *full) (func(), error) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // the lines are made, as the programs make them
	w := &tasks.Worker{Conn: f.conn, Slots: atOnce, Log: log, Lanes: []string{"critical", "default", "low"},
		Train:  func(context.Context, retrain.RunID) error { return f.serve() },
		Cancel: func(context.Context, retrain.RunID) error { return nil }}
	return w.Shutdown, w.Start(ctx)
}

// raw is asynq as its documentation starts it.
func raw(_ context.Context, f *full) (func(), error) {
	s := asynq.NewServer(asynq.RedisClientOpt{Addr: f.conn.Addr()}, asynq.Config{Concurrency: atOnce, LogLevel: asynq.FatalLevel,
		TaskCheckInterval: 100 * time.Millisecond, Queues: map[string]int{"train-critical": 6, "train-default": 3, "train-low": 1}})
	return s.Shutdown, s.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return f.serve() }))
}

// processorTime returns what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it knows no error for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
