package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// silent keeps the driver from saying what is no news here: that Redis is away.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// flush empties Redis.
func (s *stage) flush(ctx context.Context) error {
	redis.SetLogger(silent{})
	c := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	return errors.Join(c.FlushAll(ctx).Err(), c.Close())
}
