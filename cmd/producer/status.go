package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "what trains, what answers, when the next training is due",
		ArgsUsage: "[MODEL]",
		Description: `  producer status
  producer status price --json
  producer status --watch                     runs, losses, queues and workers, until Ctrl-C
  producer status --watch --json              a line at every change, as without a terminal`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "show it again whenever it changes"},
			&cli.DurationFlag{Name: "interval", Value: time.Second, Usage: "with --watch: look every `TIME`"},
		},
		Action: p.joined(status, "[MODEL]"),
	}
}

func status(ctx context.Context, c *call) error {
	model := c.name(0)
	if c.flags.Bool("watch") {
		return c.watch(ctx, model)
	}
	models, err := c.app.Status(ctx, model)
	if err != nil {
		return err
	}
	return c.answer(statuses{models}, func(w io.Writer) { c.statusTable(w, models) })
}

type statuses struct {
	Models []retrain.ModelStatus `json:"models"`
}

func (c *call) statusTable(w io.Writer, models []retrain.ModelStatus) {
	if len(models) == 0 {
		c.sayf("no models yet: producer apply -f retrain.yaml")
		return
	}
	t := listing(w, "model", "state", "version", "inserts", "next training", "run")
	for _, m := range models {
		t.AppendRow([]any{m.Model, c.stateWord(m.State), versionWord(m.Version), inserts(m), nextTraining(m), runWord(m)})
	}
	t.Render()
	for _, m := range models {
		if m.LastError != "" {
			fmt.Fprintf(w, "%s: %s failed: %s\n", m.Model, failures(m.Failures), m.LastError)
		}
		if m.Run != nil && m.Run.Why != "" {
			fmt.Fprintf(w, "%s: %s\n", m.Run.Run, m.Run.Why)
		}
	}
}

func failures(n int) string {
	if n < 2 {
		return "the last run"
	}
	return fmt.Sprintf("the last %d runs", n)
}

func (c *call) stateWord(s retrain.ModelState) string {
	colours := map[retrain.ModelState]text.Color{retrain.ModelTrained: text.FgGreen, retrain.ModelFailed: text.FgRed,
		retrain.ModelRunning: text.FgCyan, retrain.ModelQueued: text.FgCyan, retrain.ModelPaused: text.FgYellow}
	if colour, ok := colours[s]; ok {
		return c.colour(string(s), colour)
	}
	return string(s)
}

func versionWord(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func inserts(m retrain.ModelStatus) string {
	if m.TrainAfterInserts == 0 {
		return fmt.Sprint(m.InsertsSinceTraining)
	}
	return fmt.Sprintf("%d of %d", m.InsertsSinceTraining, m.TrainAfterInserts)
}

func nextTraining(m retrain.ModelStatus) string {
	switch {
	case m.PausedAt != nil:
		return "when resumed"
	case m.FollowUp != 0:
		return "after this run"
	case m.RetryAt != nil:
		return "not before " + m.RetryAt.Local().Format(time.DateTime)
	case m.RowsMissing > 0:
		return fmt.Sprintf("after %d more rows", m.RowsMissing)
	case m.TrainAfterInserts > 0 && m.NextIntervalAt != nil:
		return fmt.Sprintf("after %d inserts, or %s", insertsLeft(m), m.NextIntervalAt.Local().Format(time.DateTime))
	case m.TrainAfterInserts > 0:
		return fmt.Sprintf("after %d inserts", insertsLeft(m))
	case m.NextIntervalAt != nil:
		return m.NextIntervalAt.Local().Format(time.DateTime)
	}
	return "by hand"
}

// insertsLeft returns how many rows must come. Those that a cancelled run left do not count.
func insertsLeft(m retrain.ModelStatus) int {
	return max(m.TrainAfterInserts-(m.InsertsSinceTraining-m.SetAside), 0)
}

func runWord(m retrain.ModelStatus) string {
	p := m.Run
	if p == nil {
		return "-"
	}
	if p.CurrentEpoch == 0 {
		return fmt.Sprintf("%s %s", p.Run, p.State)
	}
	word := fmt.Sprintf("%s epoch %d/%d", p.Run, p.CurrentEpoch, p.TotalEpochs)
	if loss, ok := p.TrainMetrics["loss"]; ok {
		word += fmt.Sprintf(" loss %.4g", loss)
	}
	if p.EstimatedRemainingSeconds >= 1 {
		word += fmt.Sprintf(" %s left", time.Duration(p.EstimatedRemainingSeconds*float64(time.Second)).Round(time.Second))
	}
	return word
}
