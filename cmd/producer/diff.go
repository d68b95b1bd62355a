package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "what apply would change",
		ArgsUsage: "[-f FILE]",
		Description: `  producer diff -f retrain.yaml
  producer diff -f - < retrain.yaml

Nothing is stored. What is stored already and does not stand in the file stays as it is.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "`FILE` with resources and models, - for stdin; else the configuration, or ./retrain.yaml where that has none"},
		},
		Action: p.diff,
	}
}

func (p *program) diff(flags *cli.Context) error {
	if err := named(flags); err != nil {
		return err
	}
	declared, _, err := p.declared(flags)
	if err != nil {
		return err
	}
	connection, err := app.Load(flags)
	if err != nil {
		return err
	}
	return p.on(flags, connection, func(ctx context.Context, c *call) error {
		stored, err := c.app.Specs.Specs(ctx)
		if err != nil {
			return err
		}
		if err := declared.CheckModels(stored.Resources); err != nil {
			return err
		}
		differences, others, err := app.Diff(stored, declared.Specs())
		if err != nil {
			return err
		}
		answer := struct {
			Differences []app.Difference `json:"differences"`
			Others      []string         `json:"others"` // stored, not declared: they stay
		}{append([]app.Difference{}, differences...), append([]string{}, others...)}
		return c.answer(answer, func(w io.Writer) { c.printDifferences(w, differences, others) })
	})
}

func (c *call) printDifferences(w io.Writer, differences []app.Difference, others []string) {
	if len(differences) == 0 {
		fmt.Fprintln(w, "nothing would change")
	}
	for _, d := range differences {
		if d.New {
			fmt.Fprintln(w, c.colour("+ "+d.Name, text.FgGreen))
		} else {
			fmt.Fprintln(w, c.colour("~ "+d.Name, text.FgYellow))
		}
		for _, change := range d.Changes {
			switch {
			case change.From == nil:
				fmt.Fprintf(w, "    %s: %s\n", change.Key, brief(change.To))
			case change.To == nil:
				fmt.Fprintf(w, "    %s: %s, left out\n", change.Key, brief(change.From))
			default:
				fmt.Fprintf(w, "    %s: %s → %s\n", change.Key, brief(change.From), brief(change.To))
			}
		}
	}
	for _, name := range others {
		fmt.Fprintf(w, "  %s stays as it is\n", name)
	}
}

// brief returns a value as JSON writes it, with < and > as they are.
func brief(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // it came out of JSON
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
