package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) updateCommand() *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "change stored records, by their ids",
		ArgsUsage: "RESOURCE [FILE|-]",
		Description: `  producer update products changes.csv
  echo '{"id":"p1","price":12}' | producer update products -
  producer update products --replace products.jsonl

  The fields that a record brings take the place of those that are stored, whole; the others stay, or go with --replace. An id that
  is not stored is an error, and nothing of its thousand is changed. An updated record counts for trainings as an inserted one.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` csv, jsonl, json or parquet; by default the name tells, and stdin is jsonl"},
			&cli.BoolFlag{Name: "replace", Usage: "fields that a record does not bring go"},
		},
		Action: p.joined(updateRecords, "RESOURCE", "[FILE]"),
	}
}

func (p *program) deleteCommand() *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete stored records, by their ids",
		ArgsUsage: "RESOURCE [ID… | -]",
		Description: `  producer delete products p1 p2
  producer delete products - < ids.txt     one id a line

  An id that is not stored is an error, and nothing of its thousand is deleted. Models forget with their next training.`,
		Action: p.joined(deleteRecords, "RESOURCE", "[ID]…"),
	}
}

func updateRecords(ctx context.Context, c *call) error {
	resource, file := c.name(0), cmp.Or(c.name(1), "-")
	if c.name(1) == "" && c.Typed {
		return usage("update needs a FILE, or - for what is typed").hinted("producer update " + resource + " FILE")
	}
	in, err := openInput(file, c.flags.String("format"), c.Stdin)
	if err != nil {
		return err
	}
	change := func(b retrain.Batch) (retrain.Updated, error) {
		return c.app.Inserter.Update(ctx, b, c.flags.Bool("replace"))
	}
	err = c.change(ctx, resource, func(yield func([]retrain.Record, error) bool) {
		for p, err := range in.parts() {
			if !yield(p.records, err) {
				return
			}
		}
	}, change, "updated")
	return errors.Join(err, in.close())
}

func deleteRecords(ctx context.Context, c *call) error {
	ids := c.flags.Args().Slice()[1:]
	if len(ids) == 0 && c.Typed {
		return usage("delete needs IDs, or - for what is typed").hinted("producer delete " + c.name(0) + " ID")
	}
	if len(ids) == 0 || len(ids) == 1 && ids[0] == "-" {
		ids = nil
		lines := bufio.NewScanner(c.Stdin)
		for lines.Scan() {
			if id := strings.TrimSpace(lines.Text()); id != "" {
				ids = append(ids, id)
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("stdin: %w", err)
		}
	}
	change := func(b retrain.Batch) (retrain.Updated, error) { return c.app.Inserter.Delete(ctx, b) }
	return c.change(ctx, c.name(0), func(yield func([]retrain.Record, error) bool) {
		for part := range slices.Chunk(ids, portion) {
			records := make([]retrain.Record, len(part))
			for i, id := range part {
				records[i] = retrain.Record{"id": id}
			}
			if !yield(records, nil) {
				return
			}
		}
	}, change, "deleted")
}

// change stores what is to become of records, some at a time.
func (c *call) change(ctx context.Context, resource string, parts func(yield func([]retrain.Record, error) bool),
	change func(b retrain.Batch) (retrain.Updated, error), done string,
) error {
	sum := retrain.Updated{Resource: resource, Triggered: []string{}}
	for records, err := range parts {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		a, err := change(retrain.Batch{ID: strings.ToLower(rand.Text()), Fresh: true, Resource: resource, At: time.Now(), Records: records})
		if err != nil {
			if sum.Updated > 0 {
				err = fmt.Errorf("after %d records: %w", sum.Updated, err)
			}
			return err
		}
		sum.Updated += a.Updated
		for _, m := range a.Triggered {
			if !slices.Contains(sum.Triggered, m) {
				sum.Triggered = append(sum.Triggered, m)
			}
		}
	}
	if sum.Updated == 0 {
		return retrain.Errorf(retrain.DataValidationError, "no records are named")
	}
	return c.answer(sum, func(w io.Writer) {
		fmt.Fprintf(w, "%d records of %s %s\n", sum.Updated, resource, done)
		for _, m := range sum.Triggered {
			fmt.Fprintf(w, "training of %s is due\n", m)
		}
	})
}
