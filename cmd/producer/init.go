package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/guess"
	"retrain/s3io"
)

// Records that are looked at for a guess.
const guessed = 10_000

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "write a first retrain.yaml for a file of records",
		ArgsUsage: "FILE",
		Description: `  producer init products.csv                    types and target are guessed, and the guess explained
  producer init products.csv --target price --resource products
  producer init days.csv --type timeseries -o - | less

It writes retrain.yaml, with comments, unless there is one already.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "target", Usage: "the `FIELD` to learn"},
			&cli.StringFlag{Name: "type", Usage: "`TYPE` of the model: regression, classification, timeseries or neural-network"},
			&cli.StringFlag{Name: "resource", Usage: "`NAME` of the resource; the file's by default"},
			&cli.StringFlag{Name: "model", Usage: "`NAME` of the model; the target's by default"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the file: csv, jsonl, json or parquet; by default its name tells"},
			&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Value: app.DefaultFile, Usage: "the new file, at `PATH`; - for stdout"},
		},
		Action: p.init,
	}
}

func (p *program) init(flags *cli.Context) error {
	if err := named(flags, "FILE"); err != nil {
		return err
	}
	kind, output := retrain.Kind(flags.String("type")), flags.Path("output")
	kinds := []retrain.Kind{"", retrain.Regression, retrain.Classification, retrain.TimeSeries, retrain.NeuralNetwork}
	if !slices.Contains(kinds, kind) {
		return usage("--type %s is none of regression, classification, timeseries, neural-network", kind)
	}
	if output != "-" {
		if err := absent(output); err != nil {
			return err
		}
	}
	file := flags.Args().Get(0)
	names, records, err := p.sample(file, flags.String("format"))
	if err != nil {
		return err
	}
	g, err := guess.Of(names, records, flags.String("target"), kind)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	resource, model := nameOf(flags.String("resource"), stem(file)), nameOf(flags.String("model"), g.Target)
	text := g.YAML(resource, model)
	if _, err := app.Parse(output, []byte(text)); err != nil {
		return err
	}
	c := &call{program: p, flags: flags}
	c.sayf("%s of %s from %s: %s", g.Type, g.Target, strings.Join(g.Features, ", "), g.Why)
	return c.initialised(output, text, &g, resource, model)
}

// initialised writes the file and says what to do next.
func (c *call) initialised(output, text string, g *guess.Guess, resource, model string) error {
	if output == "-" {
		return writeNew(output, text, c.Stdout)
	}
	if err := writeNew(output, text, c.Stdout); err != nil {
		return err
	}
	answer := struct {
		File     string       `json:"file"`
		Resource string       `json:"resource"`
		Model    string       `json:"model"`
		Type     retrain.Kind `json:"type"`
		Features []string     `json:"features"`
		Target   string       `json:"target"`
		Why      string       `json:"why"`
	}{output, resource, model, g.Type, g.Features, g.Target, g.Why}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s written; look at it, then: producer apply -f %s\n", output, output)
	})
}

// sample returns the first records of a file, and the names of its fields in their order.
func (p *program) sample(file, format string) (names []string, records []retrain.Record, err error) {
	in, err := openInput(file, format, p.Stdin)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	if in.format == s3io.CSV {
		if names, err = in.header(); err != nil {
			return nil, nil, err
		}
	}
	seen := make(map[string]bool)
	for r, err := range in.records() {
		if err != nil {
			return nil, nil, err
		}
		if records = append(records, r); len(records) == guessed {
			break
		}
		for name := range r {
			seen[name] = true
		}
	}
	if names == nil { // the order of an object's fields means nothing
		names = slices.Sorted(maps.Keys(seen))
	}
	if len(records) == 0 {
		return nil, nil, retrain.Errorf(retrain.DataValidationError, "%s: there are no records in it", in.name)
	}
	return names, records, nil
}

// header returns the columns of a CSV file.
func (in *input) header() ([]string, error) {
	f, err := os.Open(in.path)
	if err != nil {
		return nil, unreadable(in.name, err)
	}
	defer func() { _ = f.Close() }() // it was read
	names, err := s3io.Header(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", in.name, err)
	}
	return names, err
}

// stem returns a file's name without its folder and its endings; records for stdin, which has none.
func stem(file string) string {
	if file == "-" {
		return "records"
	}
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return name
}

// nameOf returns what a person said, or what becomes of another name when only letters, digits, hyphens and underscores may stay.
func nameOf(said, otherwise string) string {
	if said != "" {
		return said
	}
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, otherwise), "_")
}
