package tasks_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"retrain"
	"retrain/internal/testenv"
	"retrain/tasks"
)

var chunk7 = retrain.Chunk{Model: "price", Version: 7, Bulk: "bulk", Number: 3}

func wantChunk(t *testing.T, b *tasks.Bulks, attempt int, want retrain.ChunkState) error {
	t.Helper()
	var why error
	testenv.Eventually(t, 10*time.Second, func() error {
		state, err := b.ChunkState(t.Context(), chunk7, attempt)
		if state != want {
			return errors.New("it " + string(state))
		}
		why = err
		return nil
	})
	return why
}

func TestAChunkIsAnsweredAndTold(t *testing.T) {
	c := connect(t)
	b := &tasks.Bulks{Conn: c}
	must(t, b.EnqueueChunk(t.Context(), chunk7, 10, 0))
	must(t, b.EnqueueChunk(t.Context(), chunk7, 10, 0)) // changes nothing
	must(t, wantChunk(t, b, 0, retrain.ChunkWaits))
	go1, answered := make(chan bool), make(chan retrain.Chunk, 10)
	work(t, &tasks.Worker{Conn: c, Chunk: func(_ context.Context, chunk retrain.Chunk, rows int) error {
		if rows != 10 {
			t.Errorf("got %d rows, want 10", rows)
		}
		<-go1
		answered <- chunk
		return nil
	}})
	must(t, wantChunk(t, b, 0, retrain.ChunkWorks))
	if n, ok, err := b.AwaitChunk(t.Context(), "bulk"); ok || err != nil {
		t.Errorf("got %d, %v before it is answered", n, err)
	}
	close(go1)
	if got := <-answered; got != chunk7 {
		t.Errorf("got %+v", got)
	}
	testenv.Eventually(t, 10*time.Second, func() error {
		n, ok, err := b.AwaitChunk(t.Context(), "bulk")
		if !ok || err != nil || n != 3 {
			return errors.Join(errors.New("nothing heard"), err)
		}
		return nil
	})
	must(t, wantChunk(t, b, 0, retrain.ChunkGone))
	if len(answered) > 0 {
		t.Error("it was answered twice")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.AwaitChunk(ctx, "bulk"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAChunkThatFails(t *testing.T) {
	c := connect(t)
	b := &tasks.Bulks{Conn: c}
	fail := make(chan error, 10)
	work(t, &tasks.Worker{Conn: c, Chunk: func(context.Context, retrain.Chunk, int) error { return <-fail }})
	must(t, b.EnqueueChunk(t.Context(), chunk7, 10, 0))
	fail <- retrain.Errorf(retrain.UnavailableError, "S3 is away")
	if err := wantChunk(t, b, 0, retrain.ChunkFails); !errors.Is(err, retrain.UnavailableError) || err.Error() != "UnavailableError: S3 is away" {
		t.Errorf("tried again: got %v", err)
	}
	must(t, b.EnqueueChunk(t.Context(), chunk7, 10, 1))
	for range 2 { // whichever attempt is first
		fail <- retrain.Errorf(retrain.NotFoundError, "no version 7")
	}
	if err := wantChunk(t, b, 1, retrain.ChunkFailed); !errors.Is(err, retrain.NotFoundError) || err.Error() != "chunk 3: NotFoundError: no version 7" {
		t.Errorf("given up: got %v", err)
	}
	must(t, b.EnqueueChunk(t.Context(), chunk7, 10, 1)) // who asks again begins anew
	fail <- nil
	must(t, wantChunk(t, b, 1, retrain.ChunkGone))
}
