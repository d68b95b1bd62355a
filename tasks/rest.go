package tasks

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// A resting is the connections of a server that looks at its queues less often while nobody puts anything there. asynq looks at the
// same pace day and night, at several commands a look.
type resting struct {
	*Conn
	rest time.Duration // between two looks, beside what asynq waits itself
}

var _ asynq.RedisConnOpt = resting{}

// How long a queue must be empty before it is looked at less often.
const lively = 5 * time.Second

// MakeRedisClient implements asynq.RedisConnOpt.
func (r resting) MakeRedisClient() any {
	made := r.Conn.MakeRedisClient()
	if client, ok := made.(redis.UniversalClient); ok && r.rest > 0 {
		h := &restHook{rest: r.rest}
		h.busy.Store(time.Now().UnixNano())
		client.AddHook(h)
	}
	return made
}

type restHook struct {
	rest time.Duration
	busy atomic.Int64 // when there was something last, Unix ns
}

// DialHook implements redis.Hook.
func (h *restHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (h *restHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook: after a look that found nothing it rests, if there was nothing for a while.
func (h *restHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if !looks(cmd) || err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		if err == nil {
			h.busy.Store(time.Now().UnixNano())
			return nil
		}
		if time.Since(time.Unix(0, h.busy.Load())) > lively {
			select {
			case <-time.After(h.rest):
			case <-ctx.Done():
			}
		}
		return err
	}
}

// looks reports whether a command is asynq's script that takes a task: its keys are the tasks that are pending, and whether the queue
// is paused.
func looks(cmd redis.Cmder) bool {
	args := cmd.Args()
	const name, first = 0, 3
	if len(args) < first+2 {
		return false
	}
	script, _ := args[name].(string)
	pending, _ := args[first].(string)
	paused, _ := args[first+1].(string)
	return strings.HasPrefix(script, "evalsha") && strings.HasSuffix(pending, ":pending") && strings.HasSuffix(paused, ":paused")
}
