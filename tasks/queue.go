package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"retrain"
)

// A trainPayload names a run; who serves it reads the rest where it is true.
type trainPayload struct {
	Run string `json:"run"` // "price-7"
}

// decodeTrain returns the run that a payload names. One as Enqueue writes it is read as it stands, since reading JSON takes as long
// as all else that a task needs here.
func decodeTrain(payload []byte) (retrain.RunID, error) {
	text := string(payload)
	if run, ok := strings.CutPrefix(text, `{"run":"`); ok {
		if run, ok = strings.CutSuffix(run, `"}`); ok && !strings.ContainsAny(run, `"\`) {
			return retrain.ParseRunID(run)
		}
	}
	var p trainPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return retrain.RunID{}, err
	}
	return retrain.ParseRunID(p.Run)
}

// The types of tasks. They are stored in Redis while tasks wait: never change one.
const (
	typeTrain   = "train"
	typePredict = "predict"
	typeChunk   = "predict-chunk"
)

// The queue of predictions. Runs have one queue per lane, named by trainQueue.
const predictQueue = "predict"

// The lanes, and how often each is looked at first: of those for the same device, critical 6 times in 10.
var lanes = map[string]int{
	"critical": 6, "default": 3, "low": 1,
	"cpu-critical": 6, "cpu-default": 3, "cpu-low": 1,
	"gpu-critical": 6, "gpu-default": 3, "gpu-low": 1,
}

const (
	trainTimeout   = 24 * time.Hour // then the attempt is ended, and tried again from its checkpoint
	trainRetries   = 20             // then the task is archived, and the sweep hands the run on by a new one
	trainRetention = time.Hour      // how long an ended task can be looked at
	reasonHeader   = "reason"
)

// Queue hands runs to workers.
type Queue struct {
	Conn   *Conn
	Tracer retrain.Tracer // nil: nothing is followed
}

var _ retrain.Queue = (*Queue)(nil)

// trainQueue names the queue of a lane: train-default, train-gpu-default.
func trainQueue(lane string) string { return typeTrain + "-" + lane }

// trainTaskID names the task of one attempt. A task's id stays taken while it is kept, be it archived for ever: that is why a
// run which is handed on gets a new one.
func trainTaskID(id retrain.RunID, attempt int) string {
	return id.String() + "." + strconv.Itoa(attempt)
}

// Enqueue puts a run's task into the queue of its model's lane. The same attempt again changes nothing.
func (q *Queue) Enqueue(ctx context.Context, id retrain.RunID, attempt int, lane string, why retrain.Reason) (err error) {
	if lanes[lane] == 0 {
		return retrain.Errorf(retrain.ModelConfigError, "lane %q of %s: it can be critical, default or low, with cpu- or gpu- before it", lane, id.Model)
	}
	payload, err := json.Marshal(trainPayload{id.String()})
	if err != nil {
		return err
	}
	headers := map[string]string{reasonHeader: string(why)}
	ctx, sent := publish(ctx, q.Tracer, trainQueue(lane), trainTaskID(id, attempt), headers)
	defer func() { sent(err) }()
	task := asynq.NewTaskWithHeaders(typeTrain, payload, headers)
	_, err = q.Conn.queue().EnqueueContext(ctx, task, asynq.TaskID(trainTaskID(id, attempt)), asynq.Queue(trainQueue(lane)),
		asynq.Timeout(trainTimeout), asynq.MaxRetry(trainRetries), asynq.Retention(trainRetention))
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return q.Conn.queueFault(ctx, err, "enqueue "+id.String())
}

// Waiting reports whether an attempt's task still waits for a worker: in the queue, or to be retried. One that is at a worker
// does not wait; whether that worker lives, its lease tells.
func (q *Queue) Waiting(ctx context.Context, id retrain.RunID, attempt int) (bool, error) {
	for lane := range lanes {
		info, err := q.Conn.inspector().GetTaskInfo(trainQueue(lane), trainTaskID(id, attempt))
		switch {
		case errors.Is(err, asynq.ErrQueueNotFound), errors.Is(err, asynq.ErrTaskNotFound):
			continue
		case err != nil:
			return false, q.Conn.queueFault(ctx, err, "look for "+id.String())
		}
		switch info.State {
		case asynq.TaskStatePending, asynq.TaskStateScheduled, asynq.TaskStateRetry:
			return true, nil
		}
	}
	return false, nil
}

// Drop removes an attempt's task from wherever it waits. One that is at a worker stays there.
func (q *Queue) Drop(ctx context.Context, id retrain.RunID, attempt int) error {
	for lane := range lanes {
		err := q.Conn.inspector().DeleteTask(trainQueue(lane), trainTaskID(id, attempt))
		if err != nil && ctx.Err() != nil {
			return q.Conn.queueFault(ctx, err, "drop the task of "+id.String())
		}
	}
	return nil
}
