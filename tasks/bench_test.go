package tasks_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

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
	if err := l.Reset(b.Context(), "price", retrain.State{}, nil, nil, nil); err != nil {
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
