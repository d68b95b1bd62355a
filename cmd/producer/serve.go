package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"retrain/internal/httpapi"
	"retrain/internal/roles"
)

// serveName is the command that stays, and logs as servers do.
const serveName = "serve"

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  serveName,
		Usage: "answer over HTTP: inserts, control, status page, asynqmon",
		Description: `  producer serve                              status page at http://127.0.0.1:8080/, queues at /monitor
  RETRAIN_API_KEY=… producer serve --listen 0.0.0.0:8080
  producer serve --listen :8443 --tls-cert server.pem --tls-key server.key --rate 50`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "`ADDRESS` to answer at; other machines need a key", EnvVars: []string{"RETRAIN_LISTEN"}},
		}, slices.Concat(roles.TLSFlags(), roles.EntranceFlags(), roles.LineFlags())...),
		Action: p.joined(serve),
	}
}

func serve(ctx context.Context, c *call) error {
	e, err := roles.EntranceOf(c.flags)
	if err != nil {
		return usage("%v", err)
	}
	addr, keyed := c.flags.String("listen"), false
	if !httpapi.Local(addr) {
		if keyed, err = e.Keyed(ctx, c.app.Keys, c.app.Log); err != nil {
			return err
		}
	}
	l, err := httpapi.Listen(addr, keyed)
	if err != nil {
		return err
	}
	scheme := "http"
	if e.Certificate != "" {
		scheme = "https"
	}
	c.sayf("%s://%s/", scheme, l.Addr())
	return roles.Produce(ctx, c.app, httpapi.MetricsOf(c.app), l, e)
}
