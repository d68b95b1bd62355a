package main

import (
	"context"
	"encoding/json"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain/mlcore/prep"
)

func (p *program) trainingDataCommand() *cli.Command {
	return &cli.Command{
		Name:      "training-data",
		Usage:     "what a version was trained on",
		ArgsUsage: "MODEL [--version N]",
		Description: `  producer training-data price                    one JSON line per record: its features after map, and the target
  producer training-data price --version 3 --json

The data are saved with a version where the model, or the file, says saveTrainingData: true.`,
		Flags:  []cli.Flag{&cli.IntFlag{Name: "version", Usage: "version `N`; the champion by default"}},
		Action: p.joined(trainingData, "MODEL"),
	}
}

func trainingData(ctx context.Context, c *call) error {
	mf, err := c.app.Version(ctx, c.name(0), c.flags.Int("version"))
	if err != nil {
		return err
	}
	rows := prep.Rows(mf.Spec, c.app.Registry.TrainingData(ctx, &mf))
	if !c.json() {
		return c.printRows(rows, "\n", "\n")
	}
	answer, err := c.app.TrainedOn(ctx, &mf)
	if err != nil {
		return err
	}
	head, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return c.printRows(rows, ",\n", "]}\n", strings.TrimSuffix(string(head), "null}")+"[\n")
}

// printRows writes begin, the rows and end. Nothing is written where already the first row cannot be read.
func (c *call) printRows(rows iter.Seq2[prep.Row, error], between, end string, begin ...string) error {
	out := &sticky{to: c.Stdout}
	before := strings.Join(begin, "")
	for row, err := range rows {
		if err != nil {
			return err
		}
		b, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if out.print(before + string(b)); out.err != nil {
			return out.err
		}
		before = between
	}
	out.print(end)
	return out.err
}
