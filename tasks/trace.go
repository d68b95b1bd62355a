package tasks

import (
	"context"

	"github.com/hibiken/asynq"

	"retrain"
)

// traceHeader is where a task carries the trace that it belongs to: W3C's name for it.
const traceHeader = "traceparent"

// publish begins the span of putting a task into a queue, whose headers name it then: what comes of the task is within it.
func publish(ctx context.Context, t retrain.Tracer, queue, id string, headers map[string]string) (context.Context, func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, end := t.Begin(ctx, "publish "+queue, append(messaging(queue, id), "messaging.operation.type", "send")...)
	if mark := t.Mark(ctx); mark != "" {
		headers[traceHeader] = mark
	}
	return ctx, end
}

// traced has each task that carries a trace in a span of it.
func (w *Worker) traced(next asynq.Handler) asynq.Handler {
	if w.Tracer == nil {
		return next
	}
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		queue, _ := asynq.GetQueueName(ctx)
		id, _ := asynq.GetTaskID(ctx)
		ctx, end := w.Tracer.Begin(w.Tracer.Within(ctx, t.Headers()[traceHeader]), "process "+queue,
			append(messaging(queue, id), "messaging.operation.type", "process")...)
		err := next.ProcessTask(ctx, t)
		end(err)
		return err
	})
}

// messaging is what OpenTelemetry's conventions say of a message.
func messaging(queue, id string) []any {
	return []any{"messaging.system", "asynq", "messaging.destination.name", queue, "messaging.message.id", id}
}
