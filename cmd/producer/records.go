package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) recordsCommand() *cli.Command {
	return &cli.Command{
		Name:      "records",
		Usage:     "print what is stored, as JSON lines",
		ArgsUsage: "RESOURCE",
		Description: `  producer records products --limit 3
  producer records products --count
  producer records products --fields
  producer records products --partition byCategory --values category=electronics

  --fields counts the values of each kind that a field has, and between which times they were inserted: a number that became text, or
  a field that is new, shows here. Values that were replaced count until they are compacted away.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "limit", Usage: "at most `N` records; 0 for all"},
			&cli.BoolFlag{Name: "count", Usage: "only how many there are"},
			&cli.BoolFlag{Name: "fields", Usage: "which fields there are, and of which kinds"},
			&cli.StringFlag{Name: "partition", Usage: "only those of the partition `NAME`"},
			&cli.StringFlag{Name: "values", Usage: "the partition's `k=v,…`"},
		},
		Action: p.joined(storedRecords, "RESOURCE"),
	}
}

func storedRecords(ctx context.Context, c *call) error {
	r, err := c.app.Catalog.Resource(ctx, c.name(0))
	if err != nil {
		return err
	}
	if c.flags.Bool("fields") {
		return c.storedFields(ctx, r)
	}
	partition, err := partitionOf(r, c.flags.String("partition"), c.flags.String("values"))
	if err != nil {
		return err
	}
	data, err := c.app.Source.Snapshot(ctx, r, partition)
	if err != nil {
		return err
	}
	if c.flags.Bool("count") {
		return c.countRecords(ctx, data)
	}
	return c.printRecords(ctx, data, c.flags.Int("limit"))
}

// partitionOf reads --partition and --values. The values must be those of the declared fields.
func partitionOf(r retrain.Resource, name, values string) (*retrain.PartitionRef, error) {
	if name == "" {
		if values != "" {
			return nil, usage("--values needs --partition")
		}
		return nil, nil //nolint:nilnil // no partition is the whole resource
	}
	fields, ok := r.Partitions[name]
	if !ok && r.Source != "s3db" { // whose database may have it: who reads it looks
		return nil, retrain.Errorf(retrain.NotFoundError, "resource %q has no partition %q", r.Name, name)
	}
	p := &retrain.PartitionRef{Name: name, Values: make(map[string]any)}
	for pair := range strings.SplitSeq(values, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			p.Values[strings.TrimSpace(k)] = v
		}
	}
	for _, field := range fields {
		if _, ok := p.Values[field]; !ok {
			return nil, usage("partition %s needs a value for %s", name, field).hinted("--values " + strings.Join(fields, "=…,") + "=…")
		}
	}
	return p, nil
}

func (c *call) countRecords(ctx context.Context, data retrain.Dataset) error {
	n := 0
	for table, err := range c.app.Source.Tables(ctx, data) {
		if err != nil {
			return err
		}
		n += table.Rows
	}
	answer := struct {
		Resource string `json:"resource"`
		Count    int    `json:"count"`
	}{data.Resource, n}
	return c.answer(answer, func(w io.Writer) { fmt.Fprintln(w, n) })
}

// printRecords writes one record a line; with --json all of them as one list.
func (c *call) printRecords(ctx context.Context, data retrain.Dataset, limit int) error {
	begin, between, end := "", "\n", "\n"
	if c.json() {
		begin, between, end = "[", ",\n", "]\n"
	}
	out := &sticky{to: c.Stdout}
	out.print(begin)
	n := 0
	for table, err := range c.app.Source.Tables(ctx, data) {
		if err != nil {
			return err
		}
		for r := range table.Records() {
			if n++; n > 1 {
				out.print(between)
			}
			b, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if out.print(string(b)); n == limit || out.err != nil {
				break
			}
		}
		if n == limit && limit > 0 || out.err != nil {
			break
		}
	}
	if n > 0 || c.json() {
		out.print(end)
	}
	return out.err
}

// A sticky writer remembers its first error, and writes nothing after it.
type sticky struct {
	to  io.Writer
	err error
}

func (s *sticky) print(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.to, text)
	}
}
