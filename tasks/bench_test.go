package tasks_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"retrain"
	"retrain/tasks"
)

func connectB(b *testing.B) *tasks.Conn {
	b.Helper()
	c, err := tasks.Open(tasks.Config{Addr: shared.addr, DB: int(lastDatabase.Add(1)) % databases})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Redis.FlushDB(context.Background()); c.Close() })
	return c
}

func BenchmarkCount(b *testing.B) {
	l := &tasks.Ledger{Conn: connectB(b)}
	if err := l.Reset(b.Context(), "price", retrain.State{}, nil, nil); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Count(b.Context(), "price", fmt.Sprint("batch-", n.Add(1)), 1); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkServe serves tasks that do nothing, by our worker and by asynq alone, in turns, and reports how many a second ours
// serves for each of asynq's: the ratio of the medians.
func BenchmarkServe(b *testing.B) {
	const rounds = 7
	ours, raw := make([]float64, rounds), make([]float64, rounds)
	for i := range rounds {
		ours[i] = perSecond(b, func(f *full) func() {
			w := &tasks.Worker{Conn: f.conn, Slots: 10, Log: quiet, Lanes: []string{"critical", "default", "low"},
				Train: func(context.Context, retrain.RunID) error { return f.serve() }}
			if err := w.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			return w.Shutdown
		})
		raw[i] = perSecond(b, func(f *full) func() {
			s := asynq.NewServerFromRedisClient(f.conn.Redis, asynq.Config{Concurrency: 10, LogLevel: asynq.FatalLevel, TaskCheckInterval: 100 * time.Millisecond,
				Queues: map[string]int{"train-critical": 6, "train-default": 3, "train-low": 1}})
			if err := s.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return f.serve() })); err != nil {
				b.Fatal(err)
			}
			return s.Shutdown
		})
	}
	slices.Sort(ours)
	slices.Sort(raw)
	b.ReportMetric(ours[rounds/2], "ours/s")
	b.ReportMetric(raw[rounds/2], "asynq/s")
	b.ReportMetric(ours[rounds/2]/raw[rounds/2], "ratio")
}

// perSecond fills a queue and returns how fast a server empties it.
func perSecond(b *testing.B, start func(f *full) (stop func())) float64 {
	b.Helper()
	f := fill(b)
	began := time.Now()
	stop := start(f)
	<-f.empty
	took := time.Since(began)
	stop()
	return float64(b.N) / took.Seconds()
}

// A full queue, until it is empty.
type full struct {
	conn  *tasks.Conn
	left  atomic.Int64
	empty chan struct{}
}

func (f *full) serve() error {
	if f.left.Add(-1) == 0 {
		close(f.empty)
	}
	return nil
}

// fill enqueues b.N runs.
func fill(b *testing.B) *full {
	b.Helper()
	f := &full{conn: connectB(b), empty: make(chan struct{})}
	f.left.Store(int64(b.N))
	q := &tasks.Queue{Conn: f.conn}
	for n := range b.N {
		if err := q.Enqueue(b.Context(), run7(n+1), 0, "default", retrain.ByHand); err != nil {
			b.Fatal(err)
		}
	}
	return f
}
