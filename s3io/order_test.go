package s3io_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"retrain"
	"retrain/s3io"
)

// TestReadersLeaveNothingRunning stops reading in all the ways there are.
func TestReadersLeaveNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var memory s3io.Memory
	log := &s3io.Records{Bucket: &memory}
	rows := make([]retrain.Record, 5000)
	for i := range 40 {
		appendNew(t, log, batch(strconv.Itoa(i), begin, rows...))
	}
	d := snapshot(t, log, "products", nil)
	for range log.Tables(t.Context(), d) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tables := 0
	var last error
	for _, err := range log.Tables(ctx, d) {
		if last = err; err == nil {
			tables++
		}
		cancel()
	}
	if tables > 6 || !errors.Is(last, context.Canceled) {
		t.Errorf("after the context's end came %d tables, and %v", tables-1, last)
	}
	if err := firstError(ctx, log, d); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestReadingIsParallelAndBounded counts the calls at work at the same time.
func TestReadingIsParallelAndBounded(t *testing.T) {
	var memory s3io.Memory
	log := &s3io.Records{Bucket: &memory}
	for i := range 200 {
		appendNew(t, log, batch(strconv.Itoa(i), begin, retrain.Record{}))
	}
	d := snapshot(t, log, "products", nil)
	var now, most atomic.Int32
	many := make(chan struct{})
	enough := sync.OnceFunc(func() { close(many) })
	log.Bucket = &s3io.Faulty{Bucket: &memory,
		Before: func(s3io.Op, string) error {
			n := now.Add(1)
			for m := most.Load(); n > m; m = most.Load() {
				most.CompareAndSwap(m, n)
			}
			if n == 32 {
				enough()
			}
			<-many // the first 32 wait for each other
			return nil
		},
		After: func(s3io.Op, string) error {
			now.Add(-1)
			return nil
		},
	}
	if n, err := log.Count(t.Context(), d); n != 200 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	if got := most.Load(); got != 32 {
		t.Errorf("%d reads at the same time, want 32", got)
	}
}
