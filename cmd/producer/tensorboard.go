package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/tensorboard"
)

func (p *program) tensorboardCommand() *cli.Command {
	return &cli.Command{
		Name:      "tensorboard",
		Usage:     "write the curves of a model's versions for TensorBoard",
		ArgsUsage: "MODEL [-o FOLDER] [--start]",
		Description: `  producer tensorboard price                 every version there is, into price-tensorboard
  producer tensorboard price --version 7 -o logs
  producer tensorboard price --start         and starts TensorBoard, where it is installed

A version is a run there, with its losses in each epoch, its metrics on the holdout and its graph. Written again, only what
is new is added.`,
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "the folder, at `PATH`; MODEL-tensorboard by default"},
			&cli.IntFlag{Name: "version", Usage: "version `N` alone"},
			&cli.BoolFlag{Name: "start", Usage: "start TensorBoard on it"},
		},
		Action: p.joined(curves, "MODEL"),
	}
}

// A boarded is the answer.
type boarded struct {
	Model   string   `json:"model"`
	Folder  string   `json:"folder"`
	Runs    []string `json:"runs"`
	Command string   `json:"command"`
}

func curves(ctx context.Context, c *call) error {
	model := c.name(0)
	if _, err := c.app.Catalog.Model(ctx, model); err != nil {
		return err
	}
	answer := boarded{Model: model, Folder: c.flags.Path("output"), Runs: []string{}}
	if answer.Folder == "" {
		answer.Folder = model + "-tensorboard"
	}
	answer.Command = "tensorboard --logdir " + strconv.Quote(answer.Folder)
	list, err := c.boarded(ctx, model)
	if err != nil {
		return err
	}
	for i := range list {
		if err := c.board(ctx, answer.Folder, &list[i]); err != nil {
			return err
		}
		answer.Runs = append(answer.Runs, retrain.RunID{Model: model, Number: list[i].Version}.String())
	}
	err = c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%d versions in %s\n", len(answer.Runs), answer.Folder)
	})
	if err != nil {
		return err
	}
	if c.flags.Bool("start") {
		return c.startBoard(ctx, answer.Folder)
	}
	c.sayf("look at them: %s", answer.Command)
	return nil
}

// boarded returns the versions that are asked for.
func (c *call) boarded(ctx context.Context, model string) ([]retrain.Manifest, error) {
	if n := c.flags.Int("version"); n != 0 {
		mf, err := c.app.Registry.Manifest(ctx, model, n)
		return []retrain.Manifest{mf}, err
	}
	list, err := c.app.Registry.Versions(ctx, model)
	if err == nil && len(list) == 0 {
		err = retrain.Errorf(retrain.ModelNotTrainedError, "model %q has no version yet", model).WithHint("producer train %s --wait", model)
	}
	return list, err
}

// board writes a version, unless it is there.
func (c *call) board(ctx context.Context, folder string, mf *retrain.Manifest) error {
	run := retrain.RunID{Model: mf.Model, Number: mf.Version}.String()
	if _, err := os.Stat(filepath.Join(folder, run, "validation")); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "retrain-board-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	version, err := c.app.Registry.Fetch(ctx, mf.Model, mf.Version, filepath.Join(dir, "version"))
	if err != nil {
		return err
	}
	graph, err := os.ReadFile(filepath.Join(version.Dir, "saved_model.pb"))
	if err != nil {
		return err
	}
	return tensorboard.Write(folder, mf, graph)
}

// startBoard starts TensorBoard, which says where it answers, and waits for its end.
func (c *call) startBoard(ctx context.Context, folder string) error {
	path, err := exec.LookPath("tensorboard")
	if err != nil {
		return retrain.Errorf(retrain.NotFoundError, "TensorBoard is not installed here").WithHint("pip install tensorboard; then: tensorboard --logdir %q", folder)
	}
	board := exec.CommandContext(ctx, path, "--logdir", folder) // what a person installed, on a folder that he named
	board.Stdout, board.Stderr = c.flags.App.ErrWriter, c.flags.App.ErrWriter
	if err := board.Run(); err != nil && ctx.Err() == nil {
		return errors.Join(retrain.Errorf(retrain.MLError, "TensorBoard ended"), err)
	}
	return nil
}
