package main

import (
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
	"retrain/internal/httpapi"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "answer over HTTP: inserts, control, status page, asynqmon",
		Description: `  producer serve                              status page at http://127.0.0.1:8080/, queues at /monitor
  RETRAIN_API_KEY=… producer serve --listen 0.0.0.0:8080`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "`ADDRESS` to answer at; other machines need a key", EnvVars: []string{"RETRAIN_LISTEN"}},
		},
		Action: p.joined(serve),
	}
}

func serve(ctx context.Context, c *call) error {
	key := os.Getenv("RETRAIN_API_KEY")
	l, err := httpapi.Listen(c.flags.String("listen"), key)
	if err != nil {
		return err
	}
	control := &httpapi.Control{App: c.app, Metrics: httpapi.NewMetrics(app.Version)}
	handler := control.Handler(ctx)
	if key != "" {
		handler = httpapi.WithKey(key, handler)
	}
	c.sayf("http://%s/", l.Addr())
	return errors.Join(httpapi.Serve(ctx, l, handler), control.Close())
}
