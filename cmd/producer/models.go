package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
)

func (p *program) modelsCommand() *cli.Command {
	return &cli.Command{
		Name:  "models",
		Usage: "list the models",
		Description: `  producer models
  producer models --json`,
		Action: p.joined(models),
	}
}

// A listed is a model in the list of models.
type listed struct {
	Model    string        `json:"model"`
	Type     retrain.Kind  `json:"type"`
	Resource string        `json:"resource"`
	Features []string      `json:"features"`
	Target   retrain.Names `json:"target"`
	Trained  bool          `json:"trained"`
	Version  int           `json:"version"`
}

func models(ctx context.Context, c *call) error {
	specs, err := c.app.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	list := make([]listed, 0, len(specs.Models))
	for _, m := range specs.Models {
		champion, err := c.champion(ctx, m.Name)
		if err != nil {
			return err
		}
		list = append(list, listed{m.Name, m.Type, m.Resource, m.Features, m.Target, champion.Version != 0, champion.Version})
	}
	return c.answer(map[string]any{"models": list}, func(w io.Writer) {
		if len(list) == 0 {
			c.sayf("no models yet: producer apply -f retrain.yaml")
			return
		}
		t := listing(w, "model", "type", "resource", "features", "target", "version")
		for _, m := range list {
			t.AppendRow([]any{m.Model, m.Type, m.Resource, strings.Join(m.Features, ", "), m.Target, versionWord(m.Version)})
		}
		t.Render()
	})
}

// champion returns a model's pointer, a zero one where it has no version yet.
func (c *call) champion(ctx context.Context, model string) (retrain.Champion, error) {
	champion, err := c.app.Registry.Champion(ctx, model)
	if errors.Is(err, retrain.ModelNotTrainedError) {
		return retrain.Champion{}, nil
	}
	return champion, err
}

func (p *program) versionsCommand() *cli.Command {
	return &cli.Command{
		Name:      "versions",
		Usage:     "list a model's versions, newest first",
		ArgsUsage: "MODEL",
		Description: `  producer versions price
  producer versions price --json`,
		Action: p.joined(versions, "MODEL"),
	}
}

func versions(ctx context.Context, c *call) error {
	model := c.name(0)
	list, err := c.app.ListVersions(ctx, model)
	if err != nil {
		return err
	}
	return c.answer(map[string]any{"model": model, "versions": list}, func(w io.Writer) { c.versionTable(w, model, list) })
}

func (c *call) versionTable(w io.Writer, model string, list []app.ListedVersion) {
	if len(list) == 0 {
		c.sayf("model %q has no version yet: producer train %s --wait", model, model)
		return
	}
	t := listing(w, "version", "", "requested", "reason", "samples", "loss", "metrics")
	for _, v := range list {
		mark := ""
		if v.Champion {
			mark = "champion"
		}
		if v.Pinned {
			mark = strings.TrimSpace(mark + " pinned")
		}
		t.AppendRow([]any{v.Version, mark, v.TrainedAt.Local().Format(time.DateTime), v.Reason, v.Samples, fmt.Sprintf("%.4g", v.Loss), metricsLine(v.Metrics)})
	}
	t.Render()
}

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "show a version: what it was trained on, how good it is, what it is made of",
		ArgsUsage: "MODEL [--version N]",
		Description: `  producer show price
  producer show price --version 3 --json`,
		Flags:  []cli.Flag{&cli.IntFlag{Name: "version", Usage: "version `N`; the champion by default"}},
		Action: p.joined(showVersion, "MODEL"),
	}
}

// A shown is everything about one version, for people.
type shown api.Version

func showVersion(ctx context.Context, c *call) error {
	v, err := c.app.About(ctx, c.name(0), c.flags.Int("version"))
	if err != nil {
		return err
	}
	return c.answer(v, func(w io.Writer) { (*shown)(&v).print(w) })
}

func (v *shown) print(w io.Writer) {
	title := fmt.Sprintf("%s version %d", v.Model, v.Version)
	if v.Champion {
		title += ", the champion"
	}
	fmt.Fprintln(w, title)
	t := listing(w)
	t.AppendRow([]any{"  type", v.Type})
	t.AppendRow([]any{"  learns", fmt.Sprintf("%s from %s of %s", v.Target, strings.Join(v.Features, ", "), v.Resource)})
	t.AppendRow([]any{"  requested", fmt.Sprintf("%s, reason: %s", v.RequestedAt.Local().Format(time.DateTime), v.Reason)})
	if o := v.Origin; o != nil {
		from := o.From + ": " + o.Model
		if o.Version > 0 { // MLPlugin's exports do not say which
			from += fmt.Sprintf(" version %d", o.Version)
		}
		t.AppendRow([]any{"  imported", "from " + from})
	}
	t.AppendRow([]any{"  samples", fmt.Sprintf("%d, %d left out, from %s", v.Samples, v.Skipped, counted(v.Objects, "object"))})
	t.AppendRow([]any{"  epochs", v.Epochs})
	t.AppendRow([]any{"  loss", fmt.Sprintf("%.6g", v.Loss)})
	t.AppendRow([]any{"  metrics", metricsLine(v.Metrics)})
	t.AppendRow([]any{"  parameters", v.TotalParameters})
	t.Render()
	v.printLayers(w)
}
