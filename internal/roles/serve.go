package roles

import (
	"context"
	"errors"
	"net"

	"retrain/internal/app"
	"retrain/internal/httpapi"
)

// Produce answers on l, as httpapi.Control does, until ctx ends.
func Produce(ctx context.Context, a *app.App, m *httpapi.Metrics, l net.Listener, e Entrance) error {
	c := httpapi.Control{App: a, Metrics: m, Origins: e.Origins}
	h := a.Tracer.Handler(c.Handler(ctx))
	return errors.Join(e.Server(a, l.Addr().String()).Serve(ctx, l, h), c.Close())
}

// Health answers on l whether the process lives and how it does, until ctx ends.
func Health(ctx context.Context, a *app.App, m *httpapi.Metrics, l net.Listener) error {
	return httpapi.Serve(ctx, l, httpapi.Health{Ready: a.Redis.Ping, Metrics: m, Log: a.Log}.Handler())
}
