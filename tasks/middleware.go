package tasks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hibiken/asynq"
)

// logged writes one line for each task, when it ends.
func (w *Worker) logged(next asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error {
		if id, err := decodeTrain(t.Payload()); err == nil && t.Type() == typeTrain {
			ctx = id.Within(ctx)
		}
		began := time.Now()
		err := next.ProcessTask(ctx, t)
		if w.Ended != nil {
			w.Ended(knownType(t.Type()), time.Since(began), err)
		}
		level := slog.LevelInfo
		switch {
		case err != nil && IsFailure(err):
			level = slog.LevelWarn
		case t.Type() == typePredict, t.Type() == typeChunk:
			level = slog.LevelDebug
		}
		if !w.Log.Enabled(ctx, level) {
			return err
		}
		id, _ := asynq.GetTaskID(ctx)
		retries, _ := asynq.GetRetryCount(ctx)
		facts := append(make([]slog.Attr, 0, 6), slog.String("type", t.Type()), slog.String("id", id), slog.Duration("took", time.Since(began)))
		if reason := t.Headers()[reasonHeader]; reason != "" {
			facts = append(facts, slog.String("reason", reason))
		}
		if retries > 0 {
			facts = append(facts, slog.Int("retries", retries))
		}
		if err != nil {
			facts = append(facts, slog.Any("err", err))
		}
		w.Log.LogAttrs(ctx, level, "task", facts...)
		return err
	})
}

// knownType returns a task's type, or "unknown": whoever writes into Redis may invent any number of types, and each that is counted
// is kept for ever.
func knownType(kind string) string {
	switch kind {
	case typeTrain, typePredict, typeChunk:
		return kind
	}
	return "unknown"
}

// decided says what a retry can mend. A panic may be the fault of a moment; a task that cannot be understood stays so: it is
// archived, where people see it.
func decided(next asynq.Handler) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
			if errors.Is(err, ErrUndecodable) || errors.Is(err, asynq.ErrHandlerNotFound) {
				err = fmt.Errorf("%w: %w", err, asynq.SkipRetry)
			}
		}()
		return next.ProcessTask(ctx, t)
	})
}

// IsFailure reports whether an error uses up a retry. A deployment should not.
func IsFailure(err error) bool { return !errors.Is(err, context.Canceled) }

// retryDelay returns how long to wait after the n-th retry: not at all when a worker was shut down, else 1 s, doubled each
// time, at most 15 s.
func retryDelay(n int, err error, _ *asynq.Task) time.Duration {
	if !IsFailure(err) {
		return 0
	}
	return min(time.Second<<min(n, 4), 15*time.Second)
}

// asynqLog takes what asynq has to say for itself. What it calls information is about its own insides.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(...any)      {}
func (l asynqLog) Info(args ...any)  { l.log.Debug("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq: " + fmt.Sprint(args...)) } // only its signal handling calls it, which is not used
