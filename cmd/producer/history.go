package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

func (p *program) historyCommand() *cli.Command {
	return &cli.Command{
		Name:      "history",
		Usage:     "what served when, and why; the chain of its digests is verified",
		ArgsUsage: "MODEL",
		Description: `  producer history price
  producer history price --at 2026-03-01T12:00:00Z
  producer history price --at 36h              what served 36 hours ago`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "at", Usage: "only what served at this `TIME`, or so long ago"},
			&cli.IntFlag{Name: "limit", Usage: "at most `N` moves, the latest; 0 for all"},
		},
		Action: p.joined(history, "MODEL"),
	}
}

func history(ctx context.Context, c *call) error {
	model := c.name(0)
	if _, err := c.app.Catalog.Model(ctx, model); err != nil {
		return err
	}
	at, err := moment(c.flags.String("at"))
	if err != nil {
		return err
	}
	moves, err := c.moves(ctx, model, at)
	if err != nil {
		return err
	}
	return c.answer(map[string]any{"model": model, "history": moves}, func(w io.Writer) {
		if len(moves) == 0 {
			c.sayf("model %q has no version yet: producer train %s --wait", model, model)
			return
		}
		t := listing(w, "from", "until", "version", "before", "why", "by")
		for _, m := range moves {
			until := "now"
			if m.Until != nil {
				until = m.Until.Local().Format(time.DateTime)
			}
			t.AppendRow([]any{m.At.Local().Format(time.DateTime), until, versionWord(m.Version), versionWord(m.Previous), m.Why, m.By})
		}
		t.Render()
	})
}

// moves returns what is asked for of a history. With a limit no more of it is read, and verified.
func (c *call) moves(ctx context.Context, model string, at time.Time) ([]app.Move, error) {
	if n := c.flags.Int("limit"); n > 0 && at.IsZero() {
		return c.app.LatestHistory(ctx, model, n)
	}
	return c.app.History(ctx, model, at)
}

// moment reads a time, or how long ago it was; zero for "".
func moment(given string) (time.Time, error) {
	if given == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(given); err == nil {
		return time.Now().Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, given, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--at %q is no time", given).hinted(fmt.Sprintf("as in %s, or 36h for so long ago", time.Now().Format(time.RFC3339)))
}
