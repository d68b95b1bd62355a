package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

func (p *program) applyCommand() *cli.Command {
	return &cli.Command{
		Name:      "apply",
		Usage:     "check and store resources and models",
		ArgsUsage: "[-f FILE]",
		Description: `  producer apply -f retrain.yaml
  producer apply -f - < retrain.yaml
  producer apply --dry-run                    check ./retrain.yaml, store nothing`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "`FILE` with resources and models, - for stdin; else the configuration, or ./retrain.yaml where that has none"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "check the file by itself; store nothing, connect to nothing"},
		},
		Action: p.apply,
	}
}

func (p *program) apply(flags *cli.Context) error {
	if err := named(flags); err != nil {
		return err
	}
	declared, name, err := p.declared(flags)
	if err != nil {
		return err
	}
	if len(declared.Models) == 0 && len(declared.Resources) == 0 {
		return usage("%s declares neither resources nor models", name).hinted("producer apply -f FILE")
	}
	c := &call{program: p, flags: flags}
	if flags.Bool("dry-run") {
		return c.valid(declaredNames(declared))
	}
	connection, err := app.Load(flags)
	if err != nil {
		return err
	}
	return p.on(flags, connection, func(ctx context.Context, c *call) error {
		applied, unchanged, err := c.app.Apply(ctx, declared)
		if err != nil {
			return err
		}
		return c.applied(applied, unchanged)
	})
}

// declared reads the file that is to be applied and returns its name: -f, else the configuration. One that declares nothing, as the
// client.yaml of standalone, says how to connect; then ./retrain.yaml says what is to be there.
func (p *program) declared(flags *cli.Context) (declared *app.Config, name string, err error) {
	if name = flags.String("file"); name == "-" {
		text, err := io.ReadAll(p.Stdin)
		if err != nil {
			return nil, "stdin", fmt.Errorf("stdin: %w", err)
		}
		declared, err = app.Parse("stdin", text)
		return declared, "stdin", err
	} else if name != "" {
		declared, err = app.LoadFile(name)
		return declared, name, err
	}
	name = cmp.Or(flags.String("config"), app.DefaultFile)
	declared, err = app.LoadFile(name)
	if err != nil || len(declared.Models)+len(declared.Resources) > 0 {
		return declared, name, err
	}
	if _, err := os.Stat(app.DefaultFile); err == nil {
		name = app.DefaultFile
	}
	declared, err = app.LoadFile(name)
	return declared, name, err
}

func declaredNames(c *app.Config) []string {
	list := []string{}
	specs := c.Specs()
	for _, r := range specs.Resources {
		list = append(list, "resources/"+r.Name)
	}
	for _, m := range specs.Models {
		list = append(list, "models/"+m.Name)
	}
	return list
}

// valid says what a file declares that was only checked.
func (c *call) valid(names []string) error {
	return c.answer(map[string]any{"valid": true, "declared": names}, func(w io.Writer) {
		for _, name := range names {
			fmt.Fprintf(w, "%s valid\n", name)
		}
	})
}

func (c *call) applied(applied, unchanged []string) error {
	if len(applied) > 0 {
		c.sayf("next: producer insert RESOURCE FILE, or producer status")
	}
	return c.answer(map[string]any{"applied": applied, "unchanged": unchanged}, func(w io.Writer) {
		for _, name := range applied {
			fmt.Fprintf(w, "%s applied\n", name)
		}
		for _, name := range unchanged {
			fmt.Fprintf(w, "%s unchanged\n", name)
		}
	})
}
