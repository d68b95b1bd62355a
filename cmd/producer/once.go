package main

import (
	"context"
	"log/slog"
	"sync"
)

// once passes each message on once: what is wrong with one batch is wrong with the next thousand.
type once struct {
	slog.Handler
	said sync.Map // of messages
}

// Handle drops what was said before.
func (o *once) Handle(ctx context.Context, r slog.Record) error {
	if _, before := o.said.LoadOrStore(r.Message, true); before {
		return nil
	}
	return o.Handler.Handle(ctx, r)
}
