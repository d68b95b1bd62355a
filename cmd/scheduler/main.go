// Command scheduler finds what is due and what got lost: trainings by the clock and by the count, runs whose worker died,
// records that were stored and not counted. Run two of them, and one may die.
package main

import (
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
)

func main() {
	roles.Main(&cli.App{
		Name:    "scheduler",
		Usage:   "find what is due and what got lost",
		Version: app.Version,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8081", Usage: "`ADDRESS` of /healthz, /readyz and /metrics", EnvVars: []string{"RETRAIN_LISTEN"}},
		}, roles.Flags()...),
		Action: roles.Joined(run),
	})
}

func run(c *cli.Context, a *app.App) error {
	l, err := httpapi.ListenOpen(c.String("listen"))
	if err != nil {
		return err
	}
	a.Log.Info("scheduling", "address", l.Addr().String())
	g, ctx := errgroup.WithContext(c.Context)
	m := httpapi.MetricsOf(a)
	g.Go(func() error { return roles.Health(ctx, a, m, l) })
	g.Go(func() error { roles.Schedule(ctx, a, m); return nil })
	return roles.Within(ctx, a.Log, g.Wait)
}
