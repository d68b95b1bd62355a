package retrain_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"retrain"
)

// A desk is where chunks lie: questions and answers, in memory.
type desk struct {
	questions map[int][]retrain.Record
	answers   map[int][]retrain.Answered
}

func newDesk() *desk {
	return &desk{make(map[int][]retrain.Record), make(map[int][]retrain.Answered)}
}

// dawn is when the clocks begin.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var errNothing = retrain.Errorf(retrain.NotFoundError, "nothing is there")

func (d *desk) PutQuestions(_ context.Context, c retrain.Chunk, records []retrain.Record) error {
	if d.questions[c.Number] == nil {
		d.questions[c.Number] = records
	}
	return nil
}

func (d *desk) Questions(_ context.Context, c retrain.Chunk) ([]retrain.Record, error) {
	if d.questions[c.Number] == nil {
		return nil, errNothing
	}
	return d.questions[c.Number], nil
}

func (d *desk) PutAnswers(_ context.Context, c retrain.Chunk, answers []retrain.Answered) error {
	if d.answers[c.Number] == nil {
		d.answers[c.Number] = answers
	}
	return nil
}

func (d *desk) Answers(_ context.Context, c retrain.Chunk) ([]retrain.Answered, error) {
	if d.answers[c.Number] == nil {
		return nil, errNothing
	}
	return d.answers[c.Number], nil
}

func (d *desk) Answered(context.Context, retrain.Bulk) (map[int]bool, error) {
	answered := make(map[int]bool)
	for n := range d.answers {
		answered[n] = true
	}
	return answered, nil
}

// A clerk is a queue whose one worker works when somebody waits. What happens to each chunk is told beforehand.
type clerk struct {
	*retrain.Chunks

	clock  time.Time
	tasks  []string // that were enqueued
	queue  []retrain.Chunk
	most   int                          // chunks on their way at once
	states map[int][]retrain.ChunkState // what is said of a chunk, before it is done
	why    error
}

func (c *clerk) EnqueueChunk(_ context.Context, chunk retrain.Chunk, _, attempt int) error {
	c.tasks = append(c.tasks, fmt.Sprintf("%d.%d", chunk.Number, attempt))
	c.queue = append(c.queue, chunk)
	c.most = max(c.most, len(c.queue))
	return nil
}

func (c *clerk) AwaitChunk(ctx context.Context, _ string) (int, bool, error) {
	c.clock = c.clock.Add(time.Second)
	for i, chunk := range c.queue {
		if len(c.states[chunk.Number]) > 0 {
			continue
		}
		c.queue = slices.Delete(c.queue, i, i+1)
		if err := c.Do(ctx, chunk, 3); err != nil {
			return 0, false, err
		}
		return chunk.Number, true, nil
	}
	return 0, false, nil
}

func (c *clerk) ChunkState(_ context.Context, chunk retrain.Chunk, _ int) (retrain.ChunkState, error) {
	states := c.states[chunk.Number]
	if len(states) == 0 {
		return retrain.ChunkWorks, nil
	}
	c.states[chunk.Number] = states[1:]
	switch states[0] {
	case retrain.ChunkFails, retrain.ChunkFailed:
		return states[0], c.why
	}
	return states[0], nil
}

// ask answers twice the cost, one question at a time.
func ask(asked *[]int) func(context.Context, string, retrain.Which, []retrain.Record) ([]retrain.Prediction, int, error) {
	return func(_ context.Context, _ string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error) {
		*asked = append(*asked, len(records))
		var predictions []retrain.Prediction
		for _, r := range records {
			cost, ok := r["cost"].(float64)
			if !ok {
				return nil, which.Version, retrain.Errorf(retrain.DataValidationError, "Missing features: cost")
			}
			predictions = append(predictions, retrain.Prediction{Prediction: 2 * cost})
		}
		return predictions, which.Version, nil
	}
}

func costs(n int) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		for i := range n {
			r := retrain.Record{"id": fmt.Sprint("r", i)}
			if i != 4 {
				r["cost"] = float64(i)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestABulkIsAnsweredInOrder(t *testing.T) {
	var asked []int
	d := newDesk()
	c := &clerk{Chunks: &retrain.Chunks{Store: d, Ask: ask(&asked)}, clock: dawn}
	k := &retrain.Bulker{Store: d, Queue: c, Ahead: 2, Now: func() time.Time { return c.clock }, Log: slog.New(slog.DiscardHandler)}
	b := retrain.Bulk{ID: "b", Model: "price", Version: 7, Records: 8, Rows: 3}
	var got []string
	take := func(answers []retrain.Answered) error {
		for _, a := range answers {
			if a.Error != nil {
				got = append(got, fmt.Sprintf("%d %s %s", a.Row, a.ID, a.Error.Message))
			} else {
				got = append(got, fmt.Sprintf("%d %s %v", a.Row, a.ID, a.Prediction.Prediction))
			}
		}
		return nil
	}
	if err := k.Do(t.Context(), b, costs(8), take); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 r0 0", "2 r1 2", "3 r2 4", "4 r3 6", "5 r4 Missing features: cost", "6 r5 10", "7 r6 12", "8 r7 14"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if c.most > 2 {
		t.Errorf("%d chunks were on their way at once", c.most)
	}
	if want := []int{3, 3, 1, 2, 1, 1, 2}; !slices.Equal(asked, want) { // the second is halved: [r3] and [r4 r5], [r4] and [r5]
		t.Errorf("asked %v, want %v", asked, want)
	}

	asked, got, c.tasks = nil, nil, nil
	delete(d.answers, 1)
	if err := k.Do(t.Context(), b, costs(8), take); err != nil || !slices.Equal(got, want) {
		t.Errorf("asked again: got %q, %v", got, err)
	}
	if !slices.Equal(c.tasks, []string{"1.0"}) {
		t.Errorf("asked again: enqueued %v", c.tasks)
	}
	if err := k.Do(t.Context(), b, costs(9), take); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("other records: got %v", err)
	}
}

func TestWhatBecomesOfChunks(t *testing.T) {
	fault := retrain.Errorf(retrain.NotFoundError, "version 7 is gone")
	for _, test := range []struct {
		name   string
		states []retrain.ChunkState
		tasks  []string
		err    error
		said   string
	}{
		{"it waits", []retrain.ChunkState{"waits", "waits", "works"}, []string{"0.0"}, nil, ""},
		{"for long", []retrain.ChunkState{"waits", "waits", "waits", "waits", "waits"}, []string{"0.0"}, nil, "is one running?"},
		{"its worker has just begun", []retrain.ChunkState{"lost", "works"}, []string{"0.0"}, nil, ""},
		{"its worker dies", []retrain.ChunkState{"lost", "lost"}, []string{"0.0", "0.1"}, nil, "gone"},
		{"Redis loses it", []retrain.ChunkState{"gone"}, []string{"0.0", "0.0"}, nil, ""},
		{"it is tried again", []retrain.ChunkState{"fails", "fails"}, []string{"0.0"}, nil, "version 7 is gone"},
		{"it fails", []retrain.ChunkState{"failed"}, []string{"0.0"}, fault, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked []int
			var said strings.Builder
			d := newDesk()
			c := &clerk{Chunks: &retrain.Chunks{Store: d, Ask: ask(&asked)}, clock: dawn, why: fault, states: map[int][]retrain.ChunkState{0: test.states}}
			k := &retrain.Bulker{Store: d, Queue: c, Now: func() time.Time { return c.clock }, Log: slog.New(slog.NewTextHandler(&said, nil))}
			rows := 0
			err := k.Do(t.Context(), retrain.Bulk{ID: "b", Model: "price", Version: 7, Records: 2, Rows: 3}, costs(2), func(answers []retrain.Answered) error {
				rows += len(answers)
				return nil
			})
			if !errors.Is(err, test.err) || err == nil && rows != 2 || len(asked) > 1 {
				t.Errorf("got %v, %d rows, asked %v", err, rows, asked)
			}
			if !reflect.DeepEqual(c.tasks, test.tasks) {
				t.Errorf("enqueued %v, want %v", c.tasks, test.tasks)
			}
			if !strings.Contains(said.String(), test.said) || test.said == "" && said.Len() > 0 {
				t.Errorf("said %q, want %q", said.String(), test.said)
			}
		})
	}
}

func TestAChunkIsNotAnsweredTwice(t *testing.T) {
	var asked []int
	d := newDesk()
	c := &retrain.Chunks{Store: d, Ask: ask(&asked)}
	chunk := retrain.Chunk{Model: "price", Version: 7, Bulk: "b", Number: 2}
	if err := c.Do(t.Context(), chunk, 10); err != nil || len(d.answers) > 0 {
		t.Errorf("nobody asks: got %v, %v", d.answers, err)
	}
	d.questions[2] = []retrain.Record{{"cost": 1.0}}
	for range 2 {
		if err := c.Do(t.Context(), chunk, 10); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 1 || d.answers[2][0].Row != 21 || d.answers[2][0].Version != 7 {
		t.Errorf("asked %v, got %+v", asked, d.answers)
	}
	c.Ask = func(context.Context, string, retrain.Which, []retrain.Record) ([]retrain.Prediction, int, error) {
		return nil, 0, errors.New("out of memory")
	}
	d.answers = make(map[int][]retrain.Answered)
	if err := c.Do(t.Context(), chunk, 10); err == nil || len(d.answers) > 0 {
		t.Errorf("what is no record's fault: got %v, %v", d.answers, err)
	}
}
