package tasks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hibiken/asynq"

	"retrain"
	"retrain/tasks"
)

func waiting(t *testing.T, q *tasks.Queue, attempt int) bool {
	t.Helper()
	yes, err := q.Waiting(t.Context(), run7(1), attempt)
	must(t, err)
	return yes
}

func TestARunWaitsInTheQueueOfItsPriority(t *testing.T) {
	onBoth(t, func(t *testing.T, c *tasks.Conn) {
		q := &tasks.Queue{Conn: c}
		if waiting(t, q, 0) {
			t.Error("it waits before it was enqueued")
		}
		for range 2 { // again, it changes nothing
			must(t, q.Enqueue(t.Context(), run7(1), 0, "critical", retrain.ByInserts))
		}
		if !waiting(t, q, 0) || waiting(t, q, 1) {
			t.Error("attempt 0 waits, attempt 1 does not")
		}
		depths, err := c.Depths(t.Context())
		must(t, err)
		for _, d := range depths {
			want := 0
			if d.Queue == "train-critical" {
				want = 1
			}
			if d.Pending != want {
				t.Errorf("%s: %d pending, want %d", d.Queue, d.Pending, want)
			}
		}
		info, err := asynq.NewInspector(c).GetTaskInfo("train-critical", "price-1.0")
		must(t, err)
		if string(info.Payload) != `{"run":"price-1"}` || info.Headers["reason"] != "inserts" {
			t.Errorf("payload %s, headers %v", info.Payload, info.Headers)
		}
	})
}

func TestAnUnknownLaneIsRefused(t *testing.T) {
	q := &tasks.Queue{Conn: connect(t)}
	if err := q.Enqueue(t.Context(), run7(1), 0, "urgent", retrain.ByHand); !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("got %v, want a ModelConfigError", err)
	}
}

func TestAWorkerServesItsLanesAlone(t *testing.T) {
	c := connect(t)
	served := make(chan retrain.RunID, 10)
	q := &tasks.Queue{Conn: c}
	must(t, q.Enqueue(t.Context(), run7(1), 0, "gpu-default", retrain.ByHand))
	must(t, q.Enqueue(t.Context(), run7(2), 0, "default", retrain.ByHand))
	train := func(_ context.Context, id retrain.RunID) error { served <- id; return nil }
	work(t, &tasks.Worker{Conn: c, Lanes: []string{"critical", "default"}, Train: train})
	if got, want := <-served, run7(2); got != want {
		t.Errorf("served %v, want %v", got, want)
	}
	if !waiting(t, q, 0) {
		t.Error("what needs a GPU does not wait for one")
	}
	err := (&tasks.Worker{Conn: c, Lanes: []string{"tpu-default"}, Train: train, Log: quiet}).Start(t.Context())
	if !errors.Is(err, retrain.ModelConfigError) {
		t.Errorf("got %v, want a ModelConfigError", err)
	}
}

func TestTheQueueFindsItselfAgainAfterEverythingWasLost(t *testing.T) {
	c := connect(t)
	q := &tasks.Queue{Conn: c}
	must(t, q.Enqueue(t.Context(), run7(1), 0, "default", retrain.ByHand))
	must(t, c.Redis.FlushDB(t.Context()).Err())
	must(t, q.Enqueue(t.Context(), run7(1), 1, "default", retrain.ByHand))
	if !waiting(t, q, 1) {
		t.Error("it does not wait")
	}
}
