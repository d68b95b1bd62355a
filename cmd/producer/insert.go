package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"retrain"
	"retrain/mlcore/prep"
)

// Records of one batch, and so of one object in S3.
const portion = 1000

// Batches on their way to S3 at once.
const atOnce = 4

func (p *program) insertCommand() *cli.Command {
	return &cli.Command{
		Name:      "insert",
		Usage:     "store records; trainings start when enough have come",
		ArgsUsage: "RESOURCE [FILE|-]",
		Description: `  producer insert products day1.csv
  producer insert products --batch-id day1 day1.jsonl.gz    sent twice, stored once
  cat orders.jsonl | producer insert orders -

  CSV with a header (comma, semicolon, tab or bar), JSON lines, a JSON list, or Parquet; .gz and .zst are unpacked. The whole file is
  read before anything is stored: one broken row, and nothing of it is. A record without an id gets one from its batch.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` csv, jsonl, json or parquet; by default the name tells, and stdin is jsonl"},
			&cli.StringFlag{Name: "batch-id", Usage: "`ID` by which a repeated insert is recognised; random by default"},
		},
		Action: p.joined(insert, "RESOURCE", "[FILE]"),
	}
}

func insert(ctx context.Context, c *call) error {
	resource, file := c.name(0), cmp.Or(c.name(1), "-")
	if c.name(1) == "" && c.Typed {
		return usage("insert needs a FILE, or - for what is typed").hinted("producer insert " + resource + " FILE")
	}
	if _, err := formatOf(file, c.flags.String("format")); err != nil {
		return err
	}
	batch := c.flags.String("batch-id")
	if batch == "" {
		batch = strings.ToLower(rand.Text())
	}
	models, err := c.app.Catalog.Learners(ctx, resource)
	if err != nil {
		return err
	}
	in, err := openInput(file, c.flags.String("format"), c.Stdin)
	if err != nil {
		return err
	}
	total, err := c.examine(ctx, in, models)
	if err == nil {
		err = c.store(ctx, in, resource, batch, total)
	}
	return errors.Join(err, in.close())
}

// examine reads everything, so that nothing is stored of a text that is broken somewhere, and returns how many records it
// has. A filter that cannot be evaluated on a record refuses it as well.
func (c *call) examine(ctx context.Context, in *input, models []*retrain.Model) (int, error) {
	total := 0
	doubts := doubts{}
	for p, err := range in.parts() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return 0, err
		}
		for _, m := range models {
			if _, err := prep.Accepts(m, p.records); err != nil {
				return 0, fmt.Errorf("%s, %s: %w", in.name, p, err)
			}
		}
		doubts.look(p, models)
		total += len(p.records)
	}
	if total == 0 {
		return 0, retrain.Errorf(retrain.DataValidationError, "%s has no records", in.name).
			WithHint("the first line of a CSV file names its fields; --format says when it is something else")
	}
	doubts.tell(c, in.name)
	return total, nil
}

// An inserted is the answer to an insert of several batches.
type inserted struct {
	retrain.Inserted
	Batch string `json:"batch"`
}

// store inserts the rows, batch by batch. After an interruption the same command with the same batch id goes on.
func (c *call) store(ctx context.Context, in *input, resource, batch string, total int) error {
	c.sayf("batch %s: %d records", batch, total)
	sum := inserted{Batch: batch, Inserted: retrain.Inserted{Resource: resource, Triggered: []string{}}}
	bar := c.bar(total, "insert")
	answers := make(chan retrain.Inserted)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for a := range answers {
			sum.add(a)
			bar.add(a.Inserted + a.Duplicates)
		}
	}()
	c.app.Inserter.Log = slog.New(&once{Handler: c.app.Log.Handler()})
	err := c.send(ctx, in, resource, batch, answers)
	close(answers)
	<-done
	bar.end()
	if err != nil {
		return stopped(err, sum, total)
	}
	return c.answer(sum, func(w io.Writer) { sum.print(w) })
}

func (c *call) send(ctx context.Context, in *input, resource, batch string, answers chan<- retrain.Inserted) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	n, at := 0, time.Now()
	for p, err := range in.parts() {
		if err = cmp.Or(err, context.Cause(ctx)); err != nil {
			return errors.Join(err, g.Wait())
		}
		n++
		at = at.Add(time.Microsecond) // of two records with the same id the later in the file wins
		b := retrain.Batch{ID: fmt.Sprintf("%s-%06d", batch, n), Resource: resource, At: at, Records: p.records}
		g.Go(func() error {
			// What is on its way is finished, whoever presses Ctrl-C: a batch is stored and counted, or it was never begun.
			a, err := c.app.Inserter.Insert(context.WithoutCancel(ctx), b)
			if err == nil {
				answers <- a
			}
			return err
		})
	}
	return g.Wait()
}

func stopped(err error, sum inserted, total int) error {
	had := sum.Inserted.Inserted + sum.Duplicates
	if had == 0 {
		return err
	}
	code := retrain.CodeOf(err)
	return retrain.Errorf(code, "after %d of %d records: %w", had, total, err).
		WithHint("what was stored stays stored; the same command with --batch-id %s goes on", sum.Batch)
}

func (s *inserted) add(a retrain.Inserted) {
	s.Inserted.Inserted += a.Inserted
	s.Batches += a.Batches
	s.Duplicates += a.Duplicates
	for _, m := range a.Triggered {
		if !slices.Contains(s.Triggered, m) {
			s.Triggered = append(s.Triggered, m)
		}
	}
}

func (s *inserted) print(w io.Writer) {
	fmt.Fprintf(w, "%d records inserted into %s", s.Inserted.Inserted, s.Resource)
	if s.Duplicates > 0 {
		fmt.Fprintf(w, ", %d had been before", s.Duplicates)
	}
	fmt.Fprintln(w)
	for _, m := range s.Triggered {
		fmt.Fprintf(w, "training of %s is due\n", m)
	}
}
