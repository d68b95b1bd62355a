// Command worker does the work that needs TensorFlow: worker train takes runs from the queue, worker predict answers with the
// champions. Start as many of either as there are devices and askers.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles"
	"retrain/internal/roles/work"
	"retrain/mlcore"
)

func main() {
	roles.Main(&cli.App{
		Name:    "worker",
		Usage:   "train models, and predict with them",
		Version: app.Version,
		Commands: []*cli.Command{
			{Name: "train", Usage: "take trainings from the queue, one at a time", Action: roles.Joined(train), Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` of /healthz, /readyz and /metrics; nowhere by default", EnvVars: []string{"RETRAIN_LISTEN"}},
				&cli.StringFlag{Name: "cache", Usage: "`FOLDER` for what is compiled, which a worker that starts again need not do then; nowhere by default", EnvVars: []string{"RETRAIN_CACHE"}},
				&cli.StringSliceFlag{Name: "device", Usage: "only models with this `SETTING` of device, auto, cpu or gpu; all by default", EnvVars: []string{"RETRAIN_DEVICE"}},
				&cli.StringSliceFlag{Name: "priority", Usage: "only models of this `PRIORITY`, critical, default or low; all by default", EnvVars: []string{"RETRAIN_PRIORITY"}},
				&cli.StringFlag{Name: "slot", Usage: "`NAME` of what this machine's workers train in one at a time; by default the GPU that they see, and nothing without one", EnvVars: []string{"RETRAIN_SLOT"}},
				&cli.Int64Flag{Name: "memory", Value: 1024, Usage: "`MIB` of encoded records that are learnt from memory, and more from files; the same for all workers, whose versions are the same then", EnvVars: []string{"RETRAIN_MEMORY"}},
			}, roles.Flags()...)},
			{Name: "predict", Usage: "answer with the champions, over HTTP and through the queue", Action: roles.Joined(predict), Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8501", Usage: "`ADDRESS` of the predictions", EnvVars: []string{"RETRAIN_LISTEN"}},
				&cli.StringFlag{Name: "cache", Usage: "`FOLDER` for the versions' files; a temporary one by default", EnvVars: []string{"RETRAIN_CACHE"}},
			}, slices.Concat(roles.TLSFlags(), roles.EntranceFlags(), roles.Flags())...)},
			{Name: "doctor", Usage: "check TensorFlow and its devices", Action: doctor, Flags: []cli.Flag{
				&cli.BoolFlag{Name: "json", Usage: "print one JSON value"},
			}},
			{Name: "version", Usage: "print the version", Action: func(c *cli.Context) error {
				_, err := fmt.Fprintln(c.App.Writer, app.Version)
				return err
			}},
		},
	})
}

func train(c *cli.Context, a *app.App) error {
	lanes, err := lanes(c.StringSlice("device"), c.StringSlice("priority"))
	if err != nil {
		return err
	}
	m := httpapi.MetricsOf(a)
	g, ctx := errgroup.WithContext(c.Context)
	if addr := c.String("listen"); addr != "" {
		l, err := httpapi.ListenOpen(addr)
		if err != nil {
			return err
		}
		g.Go(func() error { return roles.Health(ctx, a, m, l) })
	}
	compiled := c.String("cache")
	if compiled != "" {
		compiled = filepath.Join(compiled, "compiled")
	}
	e := &mlcore.Engine{Memory: c.Int64("memory") << 20}
	a.Log.Info("training", "redis", a.Redis.Addr())
	g.Go(func() error { return work.Train(ctx, a, m, e, compiled, lanes, c.String("slot")) })
	return roles.Within(ctx, a.Log, g.Wait)
}

func predict(c *cli.Context, a *app.App) error {
	e, err := roles.EntranceOf(c)
	if err != nil {
		return err
	}
	keyed := false
	if addr := c.String("listen"); !httpapi.Local(addr) {
		if keyed, err = e.Keyed(c.Context, a.Keys, a.Log); err != nil {
			return err
		}
	}
	l, err := httpapi.Listen(c.String("listen"), keyed)
	if err != nil {
		return err
	}
	dir := filepath.Join(os.TempDir(), "retrain-predict-"+strconv.Itoa(os.Getpid()))
	if given := c.String("cache"); given != "" {
		dir = given
	} else {
		defer os.RemoveAll(dir)
	}
	a.Log.Info("predicting", "address", l.Addr().String())
	return work.Predict(c.Context, a, httpapi.MetricsOf(a), l, e, dir)
}
