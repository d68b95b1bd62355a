package tasks_test

import (
	"testing"
	"time"

	"retrain/tasks"
	"retrain/tasks/taskstest"
)

func TestRedisKeepsTheContract(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		taskstest.TestLedger(t, func(t *testing.T) taskstest.Book {
			must(t, c.Redis.FlushDB(t.Context()).Err())
			return &tasks.Ledger{Conn: c, Now: taskstest.Noon}
		})
		q := &tasks.Queue{Conn: c}
		taskstest.TestQueue(t, q, q.Waiting)
		taskstest.TestStream(t, &tasks.Stream{Conn: c})
	})
	taskstest.TestLeases(t, func(t *testing.T) taskstest.Lender {
		return &tasks.Leases{Conn: connect(t), TTL: 300 * time.Millisecond}
	})
}
