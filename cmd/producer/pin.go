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

func (p *program) disposeCommand() *cli.Command {
	return &cli.Command{
		Name:      "dispose",
		Usage:     "remove a model: its declaration, versions and runs",
		ArgsUsage: "MODEL",
		Description: `  producer dispose price --force

Its records stay, and so does the history of what served when.`,
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "do it: nothing of it comes back"}},
		Action: p.joined(dispose, "MODEL"),
	}
}

func dispose(ctx context.Context, c *call) error {
	if !c.flags.Bool("force") {
		return usage("dispose removes every version and run of %s for good", c.name(0)).hinted("say --force, or export it first: producer export " + c.name(0) + " -o FOLDER")
	}
	d, err := c.app.Dispose(ctx, c.name(0))
	if err != nil {
		return err
	}
	return c.answer(d, func(w io.Writer) {
		if d.Done {
			fmt.Fprintf(w, "%s is disposed of\n", d.Model)
			return
		}
		fmt.Fprintf(w, "%s is disposed of; a scheduler removes the rest when its run has stopped\n", d.Model)
	})
}
