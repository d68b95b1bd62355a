package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/mlcore/portable"
)

func (p *program) exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a version into a folder or a file",
		ArgsUsage: "MODEL -o PATH",
		Description: `  producer export price -o price/1            a SavedModel, for TensorFlow Serving, Python or import
  producer export price -o price.json --format json
                                              one file with everything: spec, preparation, weights, metrics
  producer export price --version 3 -o - --format json | jq .stats

What is there already is not overwritten.`,
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "the new folder or file, at `PATH`; - for stdout"},
			&cli.StringFlag{Name: "format", Value: savedModelFormat, Usage: "`FORMAT`: savedmodel or json"},
			&cli.IntFlag{Name: "version", Usage: "version `N`; the champion by default"},
		},
		Action: p.joined(export, "MODEL"),
	}
}

const (
	savedModelFormat = "savedmodel"
	jsonFormat       = "json"
)

// An exported is the answer to an export.
type exported struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Format  string `json:"format"`
	Path    string `json:"path"`
	Bytes   int64  `json:"bytes"`
}

func export(ctx context.Context, c *call) error {
	format, path := c.flags.String("format"), c.flags.Path("output")
	switch {
	case path == "":
		return usage("export needs -o PATH").hinted("producer export --help")
	case format != savedModelFormat && format != jsonFormat:
		return usage("format %q is not savedmodel or json", format)
	case path == "-" && format == savedModelFormat:
		return usage("a SavedModel is a folder").hinted("--format json can go to stdout")
	case path == "-" && c.json():
		return usage("with --json the answer goes to stdout, not the model").hinted("-o FILE")
	}
	if path != "-" {
		if err := absent(path); err != nil {
			return err
		}
	}
	answer, err := c.export(ctx, format, path)
	if err != nil || path == "-" {
		return err
	}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s version %d is in %s: %d bytes\n", answer.Model, answer.Version, answer.Path, answer.Bytes)
	})
}

func absent(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return retrain.Errorf(retrain.ConflictError, "%s exists already", path).WithHint("export to another path, or remove it")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return retrain.Errorf(retrain.DataValidationError, "%w", err)
	}
	return nil
}

func (c *call) export(ctx context.Context, format, path string) (exported, error) {
	answer := exported{Model: c.name(0), Format: format, Path: path}
	if format == savedModelFormat {
		err := c.exportFolder(ctx, path, &answer)
		return answer, err
	}
	m, err := c.app.Export(ctx, answer.Model, c.flags.Int("version"))
	if err != nil {
		return answer, err
	}
	answer.Version = m.Lineage.Version
	if path == "-" {
		return answer, m.Write(c.Stdout)
	}
	answer.Bytes, err = writeModel(path, m)
	return answer, err
}

// exportFolder copies the version's files beside path and moves them there when all are complete.
func (c *call) exportFolder(ctx context.Context, path string, answer *exported) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // others may read exports
		return err
	}
	part, err := os.MkdirTemp(filepath.Dir(path), ".export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part) // it is gone when all went well
	v, err := c.fetched(ctx, answer.Model, part)
	if err != nil {
		return err
	}
	answer.Version = v.Manifest.Version
	for _, f := range v.Manifest.Files {
		answer.Bytes += f.Size
	}
	if err := os.Chmod(part, 0o755); err != nil { //nolint:gosec // others may read exports
		return err
	}
	return os.Rename(part, path)
}

// fetched copies a version's files into a folder, and shows how many bytes have come.
func (c *call) fetched(ctx context.Context, model, dir string) (retrain.Version, error) {
	mf, err := c.app.Version(ctx, model, c.flags.Int("version"))
	if err != nil {
		return retrain.Version{}, err
	}
	total := int64(0)
	for _, f := range mf.Files {
		total += f.Size
	}
	bar := c.bar(int(total), "bytes")
	defer bar.end()
	watched, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-done:
				return
			case <-time.After(look):
				bar.set(int(sizeOf(dir)), "bytes")
			}
		}
	}()
	v, err := c.app.Registry.Fetch(ctx, model, mf.Version, dir)
	close(done)
	<-watched
	return v, err
}

// sizeOf returns how many bytes a folder has that is being filled.
func sizeOf(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // a file that has just been moved
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			n += info.Size()
		}
		return nil
	})
	return n
}

// writeModel writes the file beside path and moves it there when it is complete.
func writeModel(path string, m *portable.Model) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // others may read exports
		return 0, err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".export-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(part.Name()) // it is gone when all went well
	err = m.Write(part)
	info, statErr := part.Stat()
	if err := errors.Join(err, statErr, part.Chmod(0o644), part.Close()); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(part.Name(), path)
}
