package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/urfave/cli/v2"
)

func (p *program) cancelCommand() *cli.Command {
	return &cli.Command{
		Name:      "cancel",
		Usage:     "end a model's trainings, or one of them",
		ArgsUsage: "MODEL|RUN",
		Description: `  producer cancel price                       the one at work and the one that waits
  producer cancel price-7

A worker stops after the slice that it is at. The rows are learnt with the next
training; they do not make the model due again by themselves.`,
		Action: p.joined(cancelRuns, "MODEL|RUN"),
	}
}

func cancelRuns(ctx context.Context, c *call) error {
	ended, err := c.app.Cancel(ctx, c.name(0))
	if err != nil {
		return err
	}
	return c.answer(map[string]any{"cancelled": ended}, func(w io.Writer) {
		for _, e := range ended {
			fmt.Fprintf(w, "%s %s\n", e.Run, e.State)
		}
	})
}

func (p *program) pauseCommand() *cli.Command {
	return &cli.Command{
		Name:      "pause",
		Usage:     "let no training of a model begin by itself",
		ArgsUsage: "MODEL",
		Description: `  producer pause price                        rows are counted on; producer train still trains
  producer resume price`,
		Action: p.joined(pause, "MODEL"),
	}
}

func pause(ctx context.Context, c *call) error {
	s, err := c.app.Pause(ctx, c.name(0))
	if err != nil {
		return err
	}
	return c.answer(s, func(w io.Writer) {
		fmt.Fprintf(w, "%s: paused, %d rows counted so far\n", s.Model, s.InsertsSinceTraining)
	})
}

func (p *program) resumeCommand() *cli.Command {
	return &cli.Command{
		Name:        "resume",
		Usage:       "let a paused model be trained by itself again",
		ArgsUsage:   "MODEL",
		Description: `  producer resume price                       what is due by now is trained at once`,
		Action:      p.joined(resume, "MODEL"),
	}
}

func resume(ctx context.Context, c *call) error {
	s, err := c.app.Resume(ctx, c.name(0))
	if err != nil {
		return err
	}
	return c.answer(s, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s; next training %s\n", s.Model, c.stateWord(s.State), nextTraining(s))
	})
}

// whoami names who types, for the record.
func whoami() string {
	host, _ := os.Hostname()
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return host
}
