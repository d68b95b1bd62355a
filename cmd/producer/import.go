package main

import (
	"context"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/mlcore/portable"
)

func (p *program) importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "make a version of a model that was exported",
		ArgsUsage: "FILE|- --as MODEL",
		Description: `  producer import price.json --as price --wait
  producer import price/1 --as price          a SavedModel folder that producer export wrote
  producer import old.json --as price         an export of s3db.js' MLPlugin, where it has weights
  producer import - --as copy --apply < price.json
                                              declare the model as the file says, if it is not

A training worker makes the version, and it becomes champion by the model's rule, as after a training. Type, features and
target must be those of the declared model. --apply declares a model that does not learn by itself: switch on autoTrain in
your own file when it shall.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "as", Usage: "the `MODEL` that gets the version"},
			&cli.BoolFlag{Name: "apply", Usage: "declare the model, and a resource for it, by the file's own spec where they are not declared"},
			&cli.BoolFlag{Name: "wait", Aliases: []string{"w"}, Usage: "wait for the verdict"},
			&cli.DurationFlag{Name: "timeout", DefaultText: "for ever", Usage: "wait no longer than `TIME`, like 10m; the import goes on"},
		},
		Action: p.joined(importModel, "FILE|-"),
	}
}

func importModel(ctx context.Context, c *call) error {
	model := c.flags.String("as")
	if model == "" {
		return usage("import needs --as MODEL").hinted("producer import --help")
	}
	m, err := c.readModel(c.name(0))
	if err != nil {
		return err
	}
	if c.flags.Bool("apply") {
		isNew, err := c.app.Declare(ctx, model, m)
		if err != nil {
			return err
		}
		if isNew {
			c.sayf("model %s is declared as the file says; it does not train by itself", model)
		}
	}
	f := follower{call: c}
	if c.flags.Bool("wait") {
		stop := f.listen(ctx) // before the request, so that its end is not missed
		defer stop()
	}
	id, err := c.app.Import(ctx, model, m)
	if err != nil {
		return err
	}
	return c.followed(ctx, &f, id)
}

// readModel reads a folder, a file of ours or one of MLPlugin's, or one of these files from stdin.
func (c *call) readModel(path string) (*portable.Model, error) {
	if path == "-" {
		file, err := io.ReadAll(io.LimitReader(c.Stdin, portable.MostBytes+1))
		if err != nil {
			return nil, err
		}
		if len(file) > portable.MostBytes {
			return nil, retrain.Errorf(retrain.DataValidationError, "stdin has more than the %d MiB that are read", portable.MostBytes>>20)
		}
		return portable.ReadAny(file)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, retrain.Errorf(retrain.NotFoundError, "%w", err)
	}
	if info.IsDir() {
		return portable.Open(path)
	}
	if info.Size() > portable.MostBytes {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s has %d MiB; at most %d MiB are read", path, info.Size()>>20, portable.MostBytes>>20)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "%w", err)
	}
	return portable.ReadAny(file)
}
