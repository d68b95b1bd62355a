package main

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// flush empties Redis.
func (s *stage) flush(ctx context.Context) error {
	c := redis.NewClient(&redis.Options{Addr: s.redis.Addr()})
	defer c.Close()
	return c.FlushAll(ctx).Err()
}
