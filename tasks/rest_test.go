package tasks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
)

// Looks that find nothing come less often after a while, and at the old pace as soon as there is something.
func TestEmptyQueuesAreLookedAtLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &restHook{rest: 200 * time.Millisecond}
		h.busy.Store(time.Now().UnixNano())
		found := error(redis.Nil)
		do := h.ProcessHook(func(context.Context, redis.Cmder) error { return found })
		look := redis.NewCmd(t.Context(), "evalsha", "script", 4, "asynq:{predict}:pending", "asynq:{predict}:paused", "asynq:{predict}:active", "asynq:{predict}:lease")
		took := func(cmd redis.Cmder, want error) time.Duration {
			began := time.Now()
			if err := do(t.Context(), cmd); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			return time.Since(began)
		}
		if d := took(look, redis.Nil); d != 0 {
			t.Errorf("right after the start a look takes %v", d)
		}
		time.Sleep(lively + time.Second)
		if d := took(look, redis.Nil); d != h.rest {
			t.Errorf("after a while a look takes %v, want %v", d, h.rest)
		}
		if d := took(redis.NewCmd(t.Context(), "get", "x"), redis.Nil); d != 0 {
			t.Errorf("another command takes %v", d)
		}
		found = nil
		if d := took(look, nil); d != 0 {
			t.Errorf("a look that finds something takes %v", d)
		}
		found = redis.Nil
		if d := took(look, redis.Nil); d != 0 {
			t.Errorf("the look after it takes %v", d)
		}
	})
}
