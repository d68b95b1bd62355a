package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"

	"retrain"
)

// Records of a chunk of a bulk.
const chunkRows = 2000

// How long the answers of an interrupted bulk are kept for whoever asks again.
const bulkAge = 7 * 24 * time.Hour

// A bulkQuestion is what a bulk asks.
type bulkQuestion struct {
	model *retrain.Model
	which retrain.Which
	key   string                                                // by which the same question is recognised
	begin func() (retrain.Bulk, error)                          // of a bulk that was not begun
	read  func(b retrain.Bulk) iter.Seq2[retrain.Record, error] // the records of one that was
	close func() error
}

// A bulked is the answer of a bulk.
type bulked struct {
	Model           string  `json:"model"`
	Version         int     `json:"version"`
	Records         int     `json:"records"`
	Errors          int     `json:"errors"` // records that could not be answered
	Output          string  `json:"output"`
	Resumed         int     `json:"resumed"` // records that an interrupted run had answered
	DurationSeconds float64 `json:"durationSeconds"`
}

// bulk asks for any number of records, through the queue.
func (c *call) bulk(ctx context.Context, which retrain.Which) (err error) {
	out, err := c.bulkOutput()
	if err != nil {
		return err
	}
	m, err := c.app.Catalog.Model(ctx, c.name(0))
	if err != nil {
		return err
	}
	if m.Type == retrain.TimeSeries {
		return retrain.Errorf(retrain.DataValidationError, "%s is a time series: its records are one question", m.Name).WithHint("producer forecast %s --steps 7", m.Name)
	}
	q := &bulkQuestion{model: m, which: which, close: func() error { return nil }}
	if err := c.bulkInput(ctx, q); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.close()) }()
	b, resumed, err := c.begun(ctx, q)
	if err != nil {
		return err
	}
	began := time.Now()
	answer := bulked{Model: m.Name, Version: b.Version, Records: b.Records, Output: out.name, Resumed: resumed}
	if answer.Errors, err = c.answerBulk(ctx, q, b, out); err != nil {
		c.sayf("what was answered is kept for a week: the same command goes on")
		return err
	}
	answer.DurationSeconds = time.Since(began).Seconds()
	if err := c.app.Bulks.Forget(ctx, q.key, b); err != nil { // the answers are where they belong
		c.app.Log.WarnContext(ctx, "what is left of the chunks goes with the next bulk", "err", err)
	}
	if out.name == "-" {
		return nil
	}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%d records answered by version %d of %s into %s", b.Records-answer.Errors, b.Version, m.Name, out.name)
		if answer.Errors > 0 {
			fmt.Fprintf(w, ", %d could not be", answer.Errors)
		}
		fmt.Fprintln(w)
	})
}

// begun returns the bulk that is asked for: the one that was interrupted, or a new one; and how many of its records are answered.
func (c *call) begun(ctx context.Context, q *bulkQuestion) (b retrain.Bulk, answered int, err error) {
	b, found, err := c.app.Bulks.Find(ctx, q.model.Name, q.key)
	if c.flags.Bool("restart") && (found || err != nil) {
		err, found = c.app.Bulks.Forget(ctx, q.key, retrain.Bulk{Model: q.model.Name, ID: b.ID}), false
	}
	if err != nil {
		return b, 0, err
	}
	if found {
		chunks, err := c.app.Bulks.Answered(ctx, b)
		answered = min(len(chunks)*b.Rows, b.Records)
		c.sayf("goes on with what was begun at %s: %d of %d records are answered, version %d (--restart begins anew)",
			b.At.Local().Format(time.DateTime), answered, b.Records, b.Version)
		return b, answered, err
	}
	if err := c.app.Bulks.Tidy(ctx, q.model.Name, time.Now().Add(-bulkAge)); err != nil {
		c.app.Log.WarnContext(ctx, "tidy up after interrupted bulks", "err", err)
	}
	if b, err = q.begin(); err != nil {
		return b, 0, err
	}
	if b.Records == 0 {
		return b, 0, retrain.Errorf(retrain.DataValidationError, "there are no records to ask for")
	}
	if b.Version, err = c.app.Which(ctx, q.model.Name, q.which); err != nil {
		return b, 0, err
	}
	b.Format, b.ID, b.Model, b.Rows, b.At = 1, strings.ToLower(rand.Text()), q.model.Name, c.flags.Int("chunk"), time.Now().UTC()
	if b.Rows < 1 {
		return b, 0, usage("--chunk %d: a chunk has a record at least", b.Rows)
	}
	b, err = c.app.Bulks.Begin(ctx, q.key, b)
	return b, 0, err
}

// answerBulk asks, and writes the answers where they are wanted. It returns how many records could not be answered.
func (c *call) answerBulk(ctx context.Context, q *bulkQuestion, b retrain.Bulk, out *output) (bad int, err error) {
	mf, err := c.app.Manifest(ctx, b.Model, b.Version)
	if err != nil {
		return 0, err
	}
	to, err := out.open(ctx, c, &mf)
	if err != nil {
		return 0, err
	}
	bar := c.bar(b.Records, "predict")
	err = c.app.Bulker().Do(ctx, b, q.read(b), func(answers []retrain.Answered) error {
		for _, a := range answers {
			if a.Error != nil {
				if bad++; bad <= 3 {
					c.sayf("row %d: %s", a.Row, a.Error.Message)
				}
			}
		}
		bar.add(len(answers))
		return to.write(answers)
	})
	bar.end()
	if err != nil {
		return bad, errors.Join(err, to.abandon())
	}
	return bad, to.finish(ctx)
}

// bulkInput says what is asked: the records of a file, or of a resource.
func (c *call) bulkInput(ctx context.Context, q *bulkQuestion) error {
	file, resource := c.flags.String("file"), c.flags.String("resource")
	switch {
	case c.flags.String("features") != "" || (file == "") == (resource == ""):
		return usage("predict -o needs either -f or --resource").hinted("producer predict MODEL -f FILE -o FILE")
	case c.flags.String("url") != "":
		return usage("many records go through the queue: --url and -o exclude each other")
	case file != "" && (c.flags.String("partition") != "" || c.flags.String("values") != ""):
		return usage("--partition and --values are of a --resource")
	case file != "":
		return c.fileInput(ctx, q, file)
	}
	return c.resourceInput(ctx, q, resource)
}

// fileInput asks for the records of a file. All of it is read before anything is asked: what cannot be read is found at once.
func (c *call) fileInput(ctx context.Context, q *bulkQuestion, file string) error {
	in, err := openInput(file, c.flags.String("format"), c.Stdin)
	if err != nil {
		return err
	}
	q.close = in.close
	digest, err := digestOf(in.path)
	if err != nil {
		return errors.Join(err, in.close())
	}
	q.key = keyOf(q, "file", string(in.format), digest)
	q.begin = func() (b retrain.Bulk, err error) {
		for _, err := range in.records() {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return b, err
			}
			b.Records++
		}
		return b, nil
	}
	q.read = func(retrain.Bulk) iter.Seq2[retrain.Record, error] { return in.records() }
	return nil
}

// resourceInput asks for the records that a resource, or a partition of it, has now.
func (c *call) resourceInput(ctx context.Context, q *bulkQuestion, name string) error {
	r, err := c.app.Catalog.Resource(ctx, name)
	if err != nil {
		return err
	}
	partition, err := partitionOf(r, c.flags.String("partition"), c.flags.String("values"))
	if err != nil {
		return err
	}
	text, err := json.Marshal(partition)
	if err != nil {
		return err
	}
	q.key = keyOf(q, "resource", name, string(text))
	q.begin = func() (b retrain.Bulk, err error) {
		data, err := c.app.Source.Snapshot(ctx, r, partition)
		if err != nil {
			return b, err
		}
		b.Dataset = &data
		for table, err := range c.app.Source.Tables(ctx, data) {
			if err != nil {
				return b, err
			}
			b.Records += table.Rows
		}
		return b, nil
	}
	q.read = func(b retrain.Bulk) iter.Seq2[retrain.Record, error] {
		return func(yield func(retrain.Record, error) bool) {
			for table, err := range c.app.Source.Tables(ctx, *b.Dataset) {
				if err != nil {
					yield(nil, err)
					return
				}
				for r := range table.Records() {
					if !yield(r, nil) {
						return
					}
				}
			}
		}
	}
	return nil
}

// keyOf returns a name for a question that is the same when it is asked again.
func keyOf(q *bulkQuestion, what ...string) string {
	text, _ := json.Marshal([]any{q.model.Name, q.which, what}) // texts and numbers
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", unreadable(path, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", unreadable(path, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
