package taskstest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"retrain"
)

// A Task is one attempt at a run, as asynq has it.
type Task struct {
	Run     retrain.RunID
	Attempt int
	State   TaskState
	At      time.Time // when a retry is due, or the worker's lease ends
}

// A TaskState is where a task is.
type TaskState string

// The states of a task.
const (
	Pending   TaskState = "pending"
	Active    TaskState = "active"
	Retry     TaskState = "retry"
	Completed TaskState = "completed" // its id stays taken
)

// How long asynq lets a worker be silent before it gives its task to another.
const taskLease = 60 * time.Second

// A Queue does what tasks.Queue does, and hands tasks out.
type Queue struct {
	Server *Server
	Do     Do
}

var _ retrain.Queue = (*Queue)(nil)

func taskID(id retrain.RunID, attempt int) string { return id.String() + "." + strconv.Itoa(attempt) }

// Enqueue puts a run's task into the queue. The same attempt again changes nothing.
func (q *Queue) Enqueue(ctx context.Context, id retrain.RunID, attempt int, _ string, _ retrain.Reason) error {
	name := taskID(id, attempt)
	return q.Do.call("enqueue "+name, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Server.mu.Lock()
		defer q.Server.mu.Unlock()
		if q.Server.tasks == nil {
			q.Server.tasks = make(map[string]*Task)
		}
		if q.Server.tasks[name] == nil {
			q.Server.tasks[name] = &Task{Run: id, Attempt: attempt, State: Pending}
		}
		return nil
	})
}

// Waiting reports whether an attempt's task still waits for a worker.
func (q *Queue) Waiting(ctx context.Context, id retrain.RunID, attempt int) (waits bool, err error) {
	name := taskID(id, attempt)
	err = q.Do.call("waiting "+name, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Server.mu.Lock()
		defer q.Server.mu.Unlock()
		t := q.Server.tasks[name]
		waits = t != nil && (t.State == Pending || t.State == Retry)
		return nil
	})
	return waits && err == nil, err
}

// Next hands out a task that waits, nil where there is none. pick chooses among n of them.
func (q *Queue) Next(pick func(n int) int) (next *Task, err error) {
	err = q.Do.call("dequeue", func() error {
		q.Server.mu.Lock()
		defer q.Server.mu.Unlock()
		var ready []*Task
		for _, name := range slices.Sorted(maps.Keys(q.Server.tasks)) {
			t := q.Server.tasks[name]
			if t.State == Pending || t.State != Completed && !time.Now().Before(t.At) {
				ready = append(ready, t)
			}
		}
		if len(ready) > 0 {
			t := ready[pick(len(ready))]
			t.State, t.At = Active, time.Now().Add(taskLease)
			next = new(*t)
		}
		return nil
	})
	return next, err
}

// Done says how a task went: it is completed, or tried again after a while.
func (q *Queue) Done(t *Task, failed error) error {
	return q.Do.call("done "+taskID(t.Run, t.Attempt), func() error {
		q.Server.mu.Lock()
		defer q.Server.mu.Unlock()
		is := q.Server.tasks[taskID(t.Run, t.Attempt)]
		switch {
		case is == nil: // it was lost
		case failed == nil:
			is.State = Completed
		default:
			is.State, is.At = Retry, time.Now().Add(2*time.Second)
		}
		return nil
	})
}

// Again makes a task wait again that had been handed out, as if it had been enqueued twice. pick chooses among n of them.
func (s *Server) Again(pick func(n int) int) { s.spoil(pick, func(t *Task) { t.State = Pending }) }

// Lose forgets a task.
func (s *Server) Lose(pick func(n int) int) {
	s.spoil(pick, func(t *Task) { delete(s.tasks, taskID(t.Run, t.Attempt)) })
}

func (s *Server) spoil(pick func(n int) int, do func(t *Task)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if names := slices.Sorted(maps.Keys(s.tasks)); len(names) > 0 {
		do(s.tasks[names[pick(len(names))]])
	}
}
