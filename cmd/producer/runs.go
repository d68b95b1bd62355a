package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
)

func (p *program) runsCommand() *cli.Command {
	return &cli.Command{
		Name:      "runs",
		Usage:     "list a model's trainings, newest first",
		ArgsUsage: "MODEL",
		Description: `  producer runs price
  producer runs price --limit 3 --json`,
		Flags:  []cli.Flag{&cli.IntFlag{Name: "limit", Value: 20, Usage: "at most `N`; 0 for all"}},
		Action: p.joined(runs, "MODEL"),
	}
}

func runs(ctx context.Context, c *call) error {
	model := c.name(0)
	list, err := c.app.ListRuns(ctx, model, c.flags.Int("limit"))
	if err != nil {
		return err
	}
	return c.answer(map[string]any{"model": model, "runs": list}, func(w io.Writer) { c.runTable(w, model, list) })
}

func (c *call) runTable(w io.Writer, model string, list []app.ListedRun) {
	if len(list) == 0 {
		c.sayf("model %q was never trained: producer train %s --wait", model, model)
		return
	}
	colours := map[retrain.RunState]text.Color{retrain.Published: text.FgGreen, retrain.Failed: text.FgRed, retrain.Running: text.FgCyan,
		retrain.Queued: text.FgCyan, retrain.Rejected: text.FgYellow, retrain.Cancelled: text.FgYellow}
	t := listing(w, "run", "state", "reason", "requested", "took", "version", "samples", "")
	for _, r := range list {
		why := r.Why
		if r.Error != nil {
			why = r.Error.Error()
		}
		t.AppendRow([]any{r.Run, c.colour(string(r.State), colours[r.State]), r.Reason, r.RequestedAt.Local().Format(time.DateTime),
			fmt.Sprintf("%.1f s", r.DurationSeconds), versionWord(r.Version), r.Samples, why})
	}
	t.Render()
}

func (p *program) statsCommand() *cli.Command {
	return &cli.Command{
		Name:      "stats",
		Usage:     "how good a model is, and how its trainings went",
		ArgsUsage: "[MODEL]",
		Description: `  producer stats price
  producer stats --json`,
		Action: p.joined(stats, "[MODEL]"),
	}
}

func stats(ctx context.Context, c *call) error {
	model := c.name(0)
	list, err := c.app.Stats(ctx, model)
	if err != nil {
		return err
	}
	people := func(w io.Writer) {
		t := listing(w, "model", "version", "samples", "trainings", "failures", "metrics")
		for _, s := range list {
			t.AppendRow([]any{s.Model, versionWord(s.Version), s.Samples, s.Trainings, s.Failures, metricsLine(s.Metrics)})
		}
		t.Render()
	}
	if model != "" {
		return c.answer(list[0], people)
	}
	return c.answer(api.Stats{Models: list}, people)
}
