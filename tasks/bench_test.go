package tasks_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

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

// BenchmarkServe serves tasks that do nothing, by our worker and by asynq alone.
func BenchmarkServe(b *testing.B) {
	b.Run("worker", func(b *testing.B) {
		f := fill(b)
		w := &tasks.Worker{Conn: f.conn, Slots: 10, Log: quiet, Train: func(context.Context, retrain.RunID) error { return f.serve() }}
		b.ResetTimer()
		if err := w.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		<-f.empty
		b.StopTimer()
		w.Shutdown()
	})
	b.Run("asynq", func(b *testing.B) {
		f := fill(b)
		s := asynq.NewServerFromRedisClient(f.conn.Redis, asynq.Config{Concurrency: 10, LogLevel: asynq.FatalLevel,
			Queues: map[string]int{"train-critical": 6, "train-default": 3, "train-low": 1}})
		b.ResetTimer()
		if err := s.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return f.serve() })); err != nil {
			b.Fatal(err)
		}
		<-f.empty
		b.StopTimer()
		s.Shutdown()
	})
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
