package tasks

import (
	"context"
	"strings"
	"time"

	"retrain"
)

// asynq's inspector, and with it the button of asynqmon, cancels a task at work by publishing its id on this channel. asynq itself
// only ends the attempt then, and tries the task again.
const pressedChannel = "asynq:cancel"

// How long carrying out a press of the button may take.
const pressedTime = 30 * time.Second

// pressed calls w.Cancel for every run at work here whose task somebody cancels in asynq's pages, until the worker is shut down. A
// press that is lost, while Redis is away, only ends the attempt.
func (w *Worker) pressed() {
	sub := w.Conn.Redis.Subscribe(context.Background(), pressedChannel)
	defer func() { _ = sub.Close() }() // nobody hears it any more
	presses := sub.Channel()
	for {
		select {
		case <-w.closing.Done():
			return
		case m, ok := <-presses:
			if !ok {
				return
			}
			id, err := runOfTask(m.Payload)
			if err != nil || !w.here(m.Payload) {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), pressedTime)
			if err := w.Cancel(ctx, id); err != nil {
				w.Log.WarnContext(ctx, "cancelled in asynq's pages", "run", id.String(), "err", err)
			}
			cancel()
		}
	}
}

// runOfTask returns the run that a task's id was made for by trainTaskID.
func runOfTask(task string) (retrain.RunID, error) {
	run, _, _ := strings.Cut(task[max(0, strings.LastIndexByte(task, '-')):], ".")
	return retrain.ParseRunID(task[:max(0, strings.LastIndexByte(task, '-'))] + run)
}
