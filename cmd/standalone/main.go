// Command standalone is the whole system in one process, on one machine, from one command: Redis and an S3 server over a
// folder, the producer's server, the scheduler, a training worker and a prediction worker. Killed at any moment and started
// again on the same folder, it goes on where it was.
package main

import (
	"github.com/urfave/cli/v2"

	"retrain/internal/app"
	"retrain/internal/roles"
)

func main() {
	roles.Main(&cli.App{
		Name:    "standalone",
		Usage:   "the whole system on one machine",
		Version: app.Version,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data", Value: "retrain-data", Usage: "keep everything in `DIR`", EnvVars: []string{"RETRAIN_DATA"}},
			&cli.StringFlag{Name: "config", Usage: "apply the resources and models of `FILE` (" + app.DefaultFile + " where it exists)", EnvVars: []string{"RETRAIN_CONFIG"}},
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:8080", Usage: "`ADDRESS` of the status page, inserts and control", EnvVars: []string{"RETRAIN_LISTEN"}},
			&cli.StringFlag{Name: "predict-listen", Value: "127.0.0.1:8501", Usage: "`ADDRESS` of the predictions", EnvVars: []string{"RETRAIN_PREDICT_LISTEN"}},
		}, append(append(roles.LogFlags(), roles.TLSFlags()...), roles.EntranceFlags()...)...),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return roles.Misuse("standalone does not know what to do with %q", c.Args().First())
			}
			s := &system{Data: c.String("data"), Listen: c.String("listen"), PredictListen: c.String("predict-listen"),
				Stdout: c.App.Writer, Log: roles.Log(c)}
			var err error
			if s.Entrance, err = roles.EntranceOf(c); err != nil {
				return err
			}
			if s.Declared, err = app.LoadFile(c.String("config")); err != nil {
				return err
			}
			return s.Run(c.Context)
		},
	})
}
