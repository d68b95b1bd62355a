package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"retrain/internal/dashboard"
)

func (p *program) reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "one page with pictures of a version, to send to somebody",
		ArgsUsage: "MODEL -o FILE",
		Description: `  producer report price -o price.html
  producer report price --version 3 -o -      to stdout

The page needs nothing else: no server, no other machine. What is there already is not overwritten.`,
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Usage: "the new page, at `FILE`; - for stdout"},
			&cli.IntFlag{Name: "version", Usage: "version `N`; the champion by default"},
		},
		Action: p.joined(writeReport, "MODEL"),
	}
}

// A reported is the answer: where the page is.
type reported struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Path    string `json:"path"`
	Bytes   int    `json:"bytes"`
}

func writeReport(ctx context.Context, c *call) error {
	path := c.flags.Path("output")
	switch {
	case path == "":
		return usage("report needs -o FILE").hinted("producer report --help")
	case path == "-" && c.json():
		return usage("with --json the answer goes to stdout, not the page").hinted("-o FILE")
	}
	r, err := c.report(ctx)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := r.Write(&page); err != nil {
		return err
	}
	if path == "-" {
		_, err := c.Stdout.Write(page.Bytes())
		return err
	}
	if err := absent(path); err != nil {
		return err
	}
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil { //nolint:gosec // it is to be read by others
		return err
	}
	answer := reported{r.Portrait.Model, r.Portrait.Version, path, page.Len()}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s version %d is drawn in %s: %d bytes\n", answer.Model, answer.Version, path, answer.Bytes)
	})
}

func (c *call) report(ctx context.Context) (*dashboard.Report, error) {
	p, err := c.app.Portrait(ctx, c.name(0), c.flags.Int("version"))
	if err != nil {
		return nil, err
	}
	versions, err := c.app.ListVersions(ctx, p.Model)
	return &dashboard.Report{At: time.Now().UTC(), Portrait: p, Versions: versions}, err
}
