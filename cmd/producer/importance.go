package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) importanceCommand() *cli.Command {
	return &cli.Command{
		Name:      "importance",
		Usage:     "what each feature matters to a version",
		ArgsUsage: "MODEL [--version N]",
		Description: `  producer importance price
  producer importance price --version 3 --json

It is what was lost of R², or of the accuracy of classes, when the feature's values were shuffled among the records of the
holdout. It was measured at the end of the training, on at most 1000 records. Next to nothing is a feature that could be left
out; features that say the same share what they matter.`,
		Flags:  []cli.Flag{&cli.IntFlag{Name: "version", Usage: "version `N`; the champion by default"}},
		Action: p.joined(importance, "MODEL"),
	}
}

// Important is the answer: what is lost without each feature.
type important struct {
	Model      string             `json:"model"`
	Version    int                `json:"version"`
	Importance map[string]float64 `json:"importance"`
}

func importance(ctx context.Context, c *call) error {
	mf, err := c.app.Version(ctx, c.name(0), c.flags.Int("version"))
	if err != nil {
		return err
	}
	measured := mf.Fit.FeatureImportance
	if len(measured) == 0 {
		return retrain.Errorf(retrain.NotFoundError, "the importances of %s version %d were not measured", mf.Model, mf.Version).
			WithHint("they are with 20 records or more in the holdout, unless the network is too large for it")
	}
	return c.answer(important{mf.Model, mf.Version, measured}, func(w io.Writer) {
		t := listing(w, "feature", "lost without it")
		for _, name := range slices.SortedFunc(maps.Keys(measured), func(a, b string) int {
			return cmp.Or(cmp.Compare(measured[b], measured[a]), cmp.Compare(a, b))
		}) {
			t.AppendRow([]any{name, fmt.Sprintf("%.4f", measured[name])})
		}
		t.Render()
	})
}
