package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"retrain"
	"retrain/s3io"
)

// A Job is something to do in a process of its own.
type Job struct {
	Do       string                `json:"do"` // insert, read, compact, list
	S3       S3                    `json:"s3"`
	Resource retrain.Resource      `json:"resource"`
	In       *retrain.PartitionRef `json:"in,omitempty"`
	Rows     int                   `json:"rows"`           // how many records are inserted, or must be found
	Times    int                   `json:"times"`          // how often it is read: the first is cold
	Snap     bool                  `json:"snap,omitempty"` // the snapshot alone is measured
}

// A Result is what a job took.
type Result struct {
	Seconds []float64 `json:"seconds"` // of each time
	Rows    int       `json:"rows"`
	Gets    int64     `json:"gets,omitempty"` // of the last time; also listings and pieces
	Bytes   int64     `json:"bytes,omitempty"`
	Memory  float64   `json:"memory"` // MiB, resident at most
}

// printJob does a job and prints the result.
func printJob(ctx context.Context, text string) error {
	var j Job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	b, err := s3io.Open(ctx, j.S3.config())
	if err != nil {
		return err
	}
	traffic := &traffic{Bucket: b}
	var r Result
	switch j.Do {
	case "insert":
		err = j.insert(ctx, traffic, &r)
	case "read":
		err = j.read(ctx, traffic, &r)
	case "list":
		err = j.list(ctx, &r)
	case "compact":
		err = j.compact(ctx, traffic, &r)
	default:
		err = fmt.Errorf("unknown job %q", j.Do)
	}
	if err != nil {
		return err
	}
	r.Memory = peak()
	return json.NewEncoder(os.Stdout).Encode(r)
}

const perBatch = 1000

// insert inserts batches one after the other.
func (j *Job) insert(ctx context.Context, b s3io.Bucket, r *Result) error {
	log := &s3io.Records{Bucket: b}
	began := time.Now()
	for n := 0; n < j.Rows; n += perBatch {
		records := make([]retrain.Record, perBatch)
		for i := range records {
			records[i] = product(n + i)
		}
		batch := retrain.Batch{ID: fmt.Sprintf("b%09d", n), Resource: j.Resource.Name, At: time.Now(), Records: records}
		if _, err := log.Append(ctx, batch); err != nil {
			return err
		}
		r.Rows += perBatch
	}
	r.Seconds = append(r.Seconds, time.Since(began).Seconds())
	return nil
}

// read reads a resource or a partition, several times with the same source.
func (j *Job) read(ctx context.Context, b *traffic, r *Result) error {
	named := func(context.Context, string) (s3io.Bucket, error) { return b, nil }
	source := &s3io.Sources{Native: &s3io.Records{Bucket: b}, S3DB: &s3io.S3DB{Bucket: s3io.Under(b, "retrain"), Open: named}, Files: &s3io.Files{Open: named}}
	for range max(1, j.Times) {
		b.gets.Store(0)
		b.bytes.Store(0)
		began := time.Now()
		d, err := source.Snapshot(ctx, j.Resource, j.In)
		if err != nil {
			return err
		}
		r.Rows = 0
		for t, err := range source.Tables(ctx, d) {
			if err != nil {
				return err
			}
			r.Rows += t.Rows
		}
		r.Seconds = append(r.Seconds, time.Since(began).Seconds())
		if j.Rows > 0 && r.Rows != j.Rows {
			return fmt.Errorf("%d records, want %d", r.Rows, j.Rows)
		}
	}
	r.Gets, r.Bytes = b.gets.Load(), b.bytes.Load()
	return nil
}

// product is a record as people have them.
func product(n int) retrain.Record {
	return retrain.Record{"id": "p" + strconv.Itoa(n), "name": "Product " + strconv.Itoa(n), "category": category(n), "cost": float64(n%977) * 1.37,
		"demand": float64(n % 101), "price": float64(n%1999) * 2.11, "available": n%3 == 0, "createdAt": "2026-01-01T00:00:00Z"}
}

// category is one of twenty, so that each has 5 % of the records.
func category(n int) string { return "category " + strconv.Itoa(n*7919%20) }

// traffic counts what is asked for and what comes.
type traffic struct {
	s3io.Bucket
	gets, bytes atomic.Int64
}

func (t *traffic) got(n int) {
	t.gets.Add(1)
	t.bytes.Add(int64(n))
}

func (t *traffic) Get(ctx context.Context, key string) ([]byte, s3io.ETag, error) {
	b, e, err := t.Bucket.Get(ctx, key)
	t.got(len(b))
	return b, e, err
}

func (t *traffic) GetObject(ctx context.Context, key string) (s3io.Object, error) {
	o, err := t.Bucket.GetObject(ctx, key)
	t.got(len(o.Body))
	return o, err
}

func (t *traffic) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, s3io.ETag, error) {
	b, e, err := t.Bucket.GetRange(ctx, key, offset, n)
	t.got(len(b))
	return b, e, err
}

func (t *traffic) List(ctx context.Context, l s3io.Listing) iter.Seq2[s3io.ObjectInfo, error] {
	t.got(0)
	return t.Bucket.List(ctx, l)
}

// peak returns the most memory that this process had resident, in MiB.
func peak() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return math.NaN()
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if text, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 64) // the kernel writes it so
			return kib / 1024
		}
	}
	return math.NaN()
}
