package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/urfave/cli/v2"
)

func (p *program) pinCommand() *cli.Command {
	return &cli.Command{
		Name:        "pin",
		Usage:       "keep a version, however old it gets",
		ArgsUsage:   "MODEL VERSION",
		Description: `  producer pin price 3                        retention leaves version 3 alone: producer unpin price 3`,
		Action:      p.joined(func(ctx context.Context, c *call) error { return c.pin(ctx, true) }, "MODEL", "VERSION"),
	}
}

func (p *program) unpinCommand() *cli.Command {
	return &cli.Command{
		Name:        "unpin",
		Usage:       "let a pinned version go when it is old",
		ArgsUsage:   "MODEL VERSION",
		Description: `  producer unpin price 3`,
		Action:      p.joined(func(ctx context.Context, c *call) error { return c.pin(ctx, false) }, "MODEL", "VERSION"),
	}
}

func (c *call) pin(ctx context.Context, pinned bool) error {
	model := c.name(0)
	n, err := strconv.Atoi(c.name(1))
	if err != nil || n < 1 {
		return usage("%q is not a version", c.name(1)).hinted("producer versions " + model)
	}
	all, err := c.app.Pin(ctx, model, n, pinned)
	if err != nil {
		return err
	}
	if all == nil {
		all = []int{}
	}
	return c.answer(map[string]any{"model": model, "version": n, "pinned": all}, func(w io.Writer) {
		word := "is pinned"
		if !pinned {
			word = "is not pinned any more"
		}
		fmt.Fprintf(w, "%s: version %d %s\n", model, n, word)
	})
}
