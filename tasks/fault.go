package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Replies by which a server says that it cannot serve now, though it may later.
var notNow = []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "BUSY", "NOREPLICAS", "MISCONF", "UNBLOCKED",
	"ERR max number of clients"}

// Replies by which a server says that we may not.
var notYou = []string{"NOAUTH", "WRONGPASS", "NOPERM"}

// fault translates an error of Redis, met while doing something, into ours. It is nil for nil.
func (c *Conn) fault(err error, doing string) error {
	reply, isReply := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	case isReply && begins(reply, "CONFLICT"): // from our own scripts
		return retrain.Errorf(retrain.ConflictError, "%s: %s", doing, strings.TrimPrefix(reply.Error(), "CONFLICT "))
	case isReply && begins(reply, notYou...):
		return c.unavailable(err, doing).WithHint("check redis.username, redis.password and what that user may do")
	case isReply && !begins(reply, notNow...):
		return fmt.Errorf("%s: redis at %s: %w", doing, c.addr, err) // a mistake of ours: no retry mends it
	}
	return c.unavailable(err, doing).WithHint("is Redis running there? redis.addr in retrain.yaml says where")
}

// queueFault is fault for errors of asynq, which do not tell that it was ctx that ended.
func (c *Conn) queueFault(ctx context.Context, err error, doing string) error {
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return c.fault(err, doing)
}

func (c *Conn) unavailable(err error, doing string) *retrain.Error {
	return retrain.Errorf(retrain.UnavailableError, "%s: redis at %s: %w", doing, c.addr, err)
}

func begins(reply error, words ...string) bool {
	for _, w := range words {
		if strings.HasPrefix(reply.Error(), w) {
			return true
		}
	}
	return false
}
