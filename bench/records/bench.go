package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retrain"
)

//go:embed peer.mjs
var peer string

// A Row is one line of the tables.
type Row struct {
	Where  string `json:"where"`
	What   string `json:"what"`
	Who    string `json:"who"`
	When   string `json:"when"`
	Result Result `json:"result"`
}

// A bench measures everything.
type bench struct {
	module  string
	most    int
	latency time.Duration
	only    string

	server  *server
	script  string
	results []Row
}

func (b *bench) start(ctx context.Context) (err error) {
	if b.server, err = startServer(ctx); err != nil {
		return err
	}
	b.script = filepath.Join(b.server.dir, "peer.mjs")
	return os.WriteFile(b.script, []byte(peer), 0o600)
}

func (b *bench) stop() error { return b.server.stop() }

// A place is where the server is, and how much can be waited for there.
type place struct {
	name string
	s3   S3
	slow int // records that s3db.js inserts
}

func (b *bench) measure(ctx context.Context) error {
	distant, err := far(b.server.config, b.latency)
	if err != nil {
		return err
	}
	for _, p := range []place{{"near", b.server.config, 2000}, {"far", distant, 1000}} {
		if b.only != "" && b.only != p.name {
			continue
		}
		for _, do := range []func(context.Context, *place) error{b.inserts, b.natives, b.legacies} {
			if err := do(ctx, &p); err != nil {
				return err
			}
		}
	}
	return nil
}

func under(c S3, prefix string) S3 {
	c.Prefix = prefix
	return c
}

// inserts measures batches of 1,000.
func (b *bench) inserts(ctx context.Context, p *place) error {
	err := b.ours(ctx, p, "insert", "batches of 1,000", Job{Do: "insert", S3: under(p.s3, p.name+"/insert"), Rows: 20_000})
	if err != nil {
		return err
	}
	return b.theirs(ctx, p, "insert", "insertMany of 1,000", p.name+"/js-insert", Job{Do: "insert", Rows: p.slow})
}

// natives measures the reading of what was inserted here, before and after it is compacted.
func (b *bench) natives(ctx context.Context, p *place) error {
	for rows := 10_000; rows <= b.most; rows *= 10 {
		at := under(b.server.config, fmt.Sprint(p.name, "/native-", rows)) // whoever fills does so near by
		if _, err := b.run(ctx, Job{Do: "insert", S3: at, Resource: products, Rows: rows}); err != nil {
			return err
		}
		at.Endpoint = p.s3.Endpoint
		for _, when := range []string{"as inserted", "compacted"} {
			if when == "compacted" {
				if err := b.ours(ctx, p, fmt.Sprintf("compact %d", rows), "", Job{Do: "compact", S3: at, Resource: products}); err != nil {
					return err
				}
			}
			if err := b.ours(ctx, p, fmt.Sprintf("read %d", rows), when, Job{Do: "read", S3: at, Resource: products, Rows: rows, Times: 3}); err != nil {
				return err
			}
			in := &retrain.PartitionRef{Name: "byCategory", Values: map[string]any{"category": category(1)}}
			if err := b.ours(ctx, p, fmt.Sprintf("5 %% of %d", rows), when, Job{Do: "read", S3: at, Resource: products, In: in, Rows: rows / 20, Times: 3}); err != nil {
				return err
			}
		}
	}
	return nil
}

var products = retrain.Resource{Name: "products", Partitions: map[string][]string{"byCategory": {"category"}}}

// legacies measures the reading of a database of s3db.js.
func (b *bench) legacies(ctx context.Context, p *place) error {
	const rows = 10_000
	prefix := p.name + "-db"
	if err := b.theirs(ctx, p, "", "", prefix, Job{Do: "create"}); err != nil {
		return err
	}
	if err := fillDatabase(ctx, b.server.config, prefix, rows); err != nil {
		return err
	}
	legacy := retrain.Resource{Name: "products", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: bucket, Prefix: prefix}}
	job := Job{Do: "read", S3: p.s3, Resource: legacy, Rows: rows, Times: 5}
	what := fmt.Sprintf("s3db, %d", rows)
	cold, err := b.run(ctx, job)
	if err != nil {
		return err
	}
	first := cold
	first.Seconds = cold.Seconds[:1]
	cold.Seconds = []float64{slices.Min(cold.Seconds[1:])}
	b.add(p, what, "Retrain", "cold", first)
	b.add(p, what, "Retrain", "warm", cold)
	listing, err := b.run(ctx, Job{Do: "list", S3: under(p.s3, prefix), Rows: rows, Times: 5})
	if err != nil {
		return err
	}
	listing.Seconds = []float64{slices.Min(listing.Seconds)}
	b.add(p, what, "AWS SDK", floor, listing)
	job.Times = 1
	if err := b.ours(ctx, p, what, "another process", job); err != nil {
		return err
	}
	for _, do := range []string{"read", "getAll", "partition"} {
		if err := b.theirs(ctx, p, map[string]string{"partition": "s3db, 5 % of 10000"}[do]+map[string]string{"read": what, "getAll": what}[do],
			map[string]string{"read": "list", "getAll": "getAll", "partition": "listPartition"}[do], prefix, Job{Do: do, Rows: rows, Times: 1}); err != nil {
			return err
		}
	}
	job.In = &retrain.PartitionRef{Name: "byCategory", Values: map[string]any{"category": category(1)}}
	job.Rows = rows / 20
	return b.ours(ctx, p, "s3db, 5 % of 10000", "another process", job)
}

// ours does a job in a process of its own. The best of its times counts.
func (b *bench) ours(ctx context.Context, p *place, what, when string, j Job) error {
	if j.Resource.Name == "" {
		j.Resource = products
	}
	r, err := b.run(ctx, j)
	if err == nil {
		r.Seconds = []float64{slices.Min(r.Seconds)}
		b.add(p, what, "Retrain", when, r)
	}
	return err
}

func (b *bench) run(ctx context.Context, j Job) (r Result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return r, err
	}
	return output(exec.CommandContext(ctx, self, "-child", string(text)))
}

// theirs lets s3db.js do a job in the database below a prefix.
func (b *bench) theirs(ctx context.Context, p *place, what, when, prefix string, j Job) error {
	if b.module == "" {
		return nil
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	connection := strings.Replace(p.s3.Endpoint, "http://", "http://"+p.s3.AccessKeyID+":"+p.s3.SecretAccessKey+"@", 1) + "/" + bucket + "/" + prefix
	r, err := output(exec.CommandContext(ctx, "node", b.script, b.module, connection, string(text)))
	if err == nil && what != "" {
		r.Seconds = []float64{slices.Min(r.Seconds)}
		b.add(p, what, "s3db.js", when, r)
	}
	return err
}

func output(cmd *exec.Cmd) (r Result, err error) {
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, talk.String())
	}
	return r, json.Unmarshal(out, &r)
}

func (b *bench) add(p *place, what, who, when string, r Result) {
	log.Printf("%s: %s, %s %s: %.3f s, %d records", p.name, what, who, when, r.Seconds[0], r.Rows)
	b.results = append(b.results, Row{p.name, what, who, when, r})
}
