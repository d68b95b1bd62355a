package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) promoteCommand() *cli.Command {
	return &cli.Command{
		Name:        "promote",
		Usage:       "make a version the champion",
		ArgsUsage:   "MODEL VERSION",
		Description: `  producer promote price 3                    predictions come from version 3 from now on`,
		Action:      p.joined(promote, "MODEL", "VERSION"),
	}
}

func promote(ctx context.Context, c *call) error {
	model := c.name(0)
	n, err := strconv.Atoi(c.name(1))
	if err != nil || n < 1 {
		return usage("%q is not a version", c.name(1)).hinted("producer versions " + model)
	}
	champion, err := c.app.Promote(ctx, model, n)
	if err != nil {
		return err
	}
	return c.moved(champion)
}

func (p *program) rollbackCommand() *cli.Command {
	return &cli.Command{
		Name:      "rollback",
		Usage:     "make the champion before this one champion again",
		ArgsUsage: "MODEL",
		Description: `  producer rollback price
  producer rollback price --steps 2`,
		Flags:  []cli.Flag{&cli.IntFlag{Name: "steps", Value: 1, Usage: "go back by `K` champions"}},
		Action: p.joined(rollback, "MODEL"),
	}
}

func rollback(ctx context.Context, c *call) error {
	champion, err := c.app.Rollback(ctx, c.name(0), c.flags.Int("steps"))
	if err != nil {
		return err
	}
	return c.moved(champion)
}

func (c *call) moved(champion retrain.Champion) error {
	answer := struct {
		Model    string `json:"model"`
		Version  int    `json:"version"`
		Previous int    `json:"previous"`
	}{champion.Model, champion.Version, champion.Previous}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s: version %d is champion, %d was it before\n", answer.Model, answer.Version, answer.Previous)
	})
}
