package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"retrain"
)

// A checker finds out whether the system kept its word.
type checker struct {
	*stage
	report

	batches map[string][]row
	known   map[string]*ran
	runs    map[string][]*ran // by model, oldest first

	absorbed map[int][]string // batches, by absorption
}

func (c *checker) brokenf(format string, args ...any) {
	c.Broken = append(c.Broken, fmt.Sprintf(format, args...))
	c.sayf("BROKEN: "+format, args...)
}

// rest waits until nothing is left to do: no run is open, too few rows are left for another, and the counts say so too.
func (c *checker) rest(ctx context.Context) {
	c.stopInserts()
	began := time.Now()
	for c.calm(ctx) != nil && time.Since(began) < c.Patience {
		sleep(ctx, time.Second)
	}
	c.batches, c.known, c.runs = make(map[string][]row), make(map[string]*ran), make(map[string][]*ran)
	c.absorbed = make(map[int][]string)
	for quiet := 0; quiet < 3; {
		err := c.resting(ctx)
		if err == nil {
			quiet++
		} else {
			quiet = 0
		}
		if err != nil && time.Since(began) > c.Patience {
			c.brokenf("not at rest after %v: %v", c.Patience, err)
			break
		}
		if !sleep(ctx, 700*time.Millisecond) {
			break
		}
	}
	c.Rest = time.Since(began)
}

// calm ends what keeps the models from resting: an interval, and pauses.
func (c *checker) calm(ctx context.Context) error {
	if err := c.apply(ctx, ""); err != nil {
		return err
	}
	for model := range accepts {
		if err := c.producer(ctx, nil, "resume", model); err != nil {
			return err
		}
	}
	return nil
}

// resting returns what is left to do.
func (c *checker) resting(ctx context.Context) error {
	t := c.truth()
	if err := t.batches(ctx, c.batches, c.absorbed); err != nil {
		return err
	}
	var status struct {
		Models []retrain.ModelStatus `json:"models"`
	}
	if err := c.producer(ctx, &status, "status"); err != nil {
		return err
	}
	if len(status.Models) != len(accepts) {
		return fmt.Errorf("%d models in status", len(status.Models))
	}
	var errs []error
	for _, m := range status.Models {
		runs, err := t.runs(ctx, m.Model, c.known)
		if err != nil {
			return err
		}
		c.runs[m.Model] = runs
		errs = append(errs, c.modelResting(&m))
	}
	return errors.Join(errs...)
}

func (c *checker) modelResting(m *retrain.ModelStatus) error {
	for _, r := range c.runs[m.Model] {
		if r.Result == nil {
			return fmt.Errorf("%s has no verdict", r)
		}
	}
	left := c.uncovered(m.Model)
	if left-m.SetAside >= accepts[m.Model].Due {
		return fmt.Errorf("%s: %d rows are not learnt, it is due after %d", m.Model, left, accepts[m.Model].Due)
	}
	if m.Run != nil {
		return fmt.Errorf("%s: status has the run %s, S3 has none that is open", m.Model, m.Run.Run)
	}
	if m.InsertsSinceTraining != left {
		return fmt.Errorf("%s: status counts %d rows, S3 has %d that are not learnt", m.Model, m.InsertsSinceTraining, left)
	}
	return nil
}

// uncovered counts the rows that a model accepts and that its last good run did not see.
func (c *checker) uncovered(model string) (rows int) {
	seen := make(map[string]bool)
	for _, r := range slices.Backward(c.runs[model]) {
		if r.learnt() {
			for _, batch := range c.seenBy(r) {
				seen[batch] = true
			}
			break
		}
	}
	for batch := range c.batches {
		if !seen[batch] {
			rows += c.accepted(model, batch)
		}
	}
	return rows
}

// seenBy returns the batches that a run's data set has.
func (c *checker) seenBy(r *ran) (batches []string) {
	d := r.Start.Dataset
	for n := range d.Absorbed {
		batches = append(batches, c.absorbed[n+1]...)
	}
	d.Absorbed = 0 // the others
	return append(batches, d.Batches()...)
}

func (c *checker) accepted(model, batch string) (n int) {
	for _, r := range c.batches[batch] {
		if accepts[model].Row(r) {
			n++
		}
	}
	return n
}

// check checks all that S3 tells.
func (c *checker) check(ctx context.Context) {
	c.rowsOnce()
	c.recordsOnce(ctx)
	for _, model := range slices.Sorted(maps.Keys(accepts)) {
		c.oneAtATime(model)
		c.verdicts(model)
		c.champion(ctx, model)
		for _, r := range c.runs[model] {
			c.version(ctx, r)
		}
	}
	c.Broken = append(c.Broken, c.moves.broken...)
	for _, p := range c.all {
		p.mu.Lock()
		for _, how := range p.died {
			c.brokenf("ended by itself: %s", how)
		}
		p.mu.Unlock()
	}
}

// rowsOnce: every row that was acknowledged is in exactly one batch, and so is every other.
func (c *checker) rowsOnce() {
	places := make(map[string][]string)
	for batch, rows := range c.batches {
		c.Stored += len(rows)
		for _, r := range rows {
			places[r.ID] = append(places[r.ID], batch)
		}
	}
	for id, batch := range c.acks.rows {
		if len(places[id]) == 0 {
			c.brokenf("row %s was acknowledged in batch %s, and is nowhere", id, batch)
		}
	}
	for id, at := range places {
		if len(at) != 1 {
			c.brokenf("row %s is in %v", id, at)
		}
	}
}

// recordsOnce: whoever reads the resource finds every acknowledged row once.
func (c *checker) recordsOnce(ctx context.Context) {
	var rows []row
	if err := c.producer(ctx, &rows, "records", "items", "--limit", "0"); err != nil {
		c.brokenf("read the records: %v", err)
		return
	}
	seen := make(map[string]int)
	for _, r := range rows {
		seen[r.ID]++
	}
	for id := range c.acks.rows {
		if seen[id] != 1 {
			c.brokenf("row %s is read %d times", id, seen[id])
		}
	}
}

// How long two runs of a model may overlap: until whoever lost its lease sees it.
const fencing = 5 * time.Second

// oneAtATime: the runs of a model begin after those before them have ended.
func (c *checker) oneAtATime(model string) {
	var last *ran
	for _, r := range c.runs[model] {
		if r.Start == nil || r.Result == nil {
			continue
		}
		if last != nil && last.ended.Sub(r.began) > fencing {
			c.brokenf("%s began at %v, %s ended at %v", r, r.began, last, last.ended)
		}
		last = r
	}
}

// verdicts: no fault becomes a verdict, no run learns nothing new unless a person or the clock asked for it, and each run saw
// the rows that its batches have.
func (c *checker) verdicts(model string) {
	seen := make(map[string]bool)
	for _, r := range c.runs[model] {
		if r.Result == nil {
			continue
		}
		c.Runs[string(r.Result.State)]++
		if r.Result.State == "failed" && r.Result.Error != nil && r.Result.Error.Code != retrain.InsufficientDataError {
			c.brokenf("%s failed: %v", r, r.Result.Error)
		}
		if !r.learnt() {
			continue
		}
		rows, fresh := 0, 0
		for _, batch := range c.seenBy(r) {
			if _, there := c.batches[batch]; !there {
				c.brokenf("%s saw the batch %q, which is not there", r, batch)
			}
			n := c.accepted(model, batch)
			rows += n
			if !seen[batch] {
				fresh += n
				seen[batch] = true
			}
		}
		if model != "series" && r.Result.Samples != rows {
			c.brokenf("%s learnt %d rows, its batches have %d", r, r.Result.Samples, rows)
		}
		if r.Request.Reason == "inserts" && fresh < accepts[model].Due {
			c.brokenf("%s was requested by inserts, but only %d rows were new to it", r, fresh)
		}
	}
}

// champion: the pointer is where the history says, and each move names the one before.
func (c *checker) champion(ctx context.Context, model string) {
	t := c.truth()
	folder := "models/" + model + "/"
	var now pointer
	if ok, err := t.read(ctx, folder+"champion.json", &now); err != nil {
		c.brokenf("%s: champion: %v", model, err)
		return
	} else if !ok {
		return
	}
	last, err := t.get(ctx, folder+"champion.json")
	if err != nil {
		c.brokenf("%s: champion: %v", model, err)
	}
	before, highest := "", 0
	for n := 1; n <= now.Sequence; n++ {
		body, err := t.get(ctx, fmt.Sprintf("%shistory/%08d.json", folder, n))
		if err == nil && body == nil && n == now.Sequence {
			body = last // whoever moved it died before he wrote the history: the next one does
		}
		var p pointer
		if err := errors.Join(err, json.Unmarshal(body, &p)); err != nil {
			c.brokenf("%s: move %d: %v", model, n, err)
			return
		}
		if p.Before != before || p.Sequence != n || p.Highest < highest || n == now.Sequence && string(body) != string(last) {
			c.brokenf("%s: move %d does not follow: %+v", model, n, p)
		}
		before, highest = sum(body), p.Highest
	}
	c.Moves += now.Sequence
	for _, r := range c.runs[model] {
		if r.Result != nil && r.Result.State == "published" && r.Number > now.Highest {
			c.brokenf("%s is published, the champion came only to %d", r, now.Highest)
		}
	}
}

// version: what a run published is complete, and what is there was published by a run that has its verdict.
func (c *checker) version(ctx context.Context, r *ran) {
	mf, ok, err := c.manifest(ctx, r.Model, r.Number)
	if err != nil {
		c.brokenf("version %s: %v", r, err)
		return
	}
	if r.Result == nil { // it was said that it has no verdict; publishing it may be what it is at
		return
	}
	if says := r.Result.Version == r.Number; ok != says && !c.mayBeGone(r) && (says || r.Result.State != "cancelled") {
		c.brokenf("version %s: its manifest is there: %v, the verdict says %v", r, ok, says)
	}
	if !ok {
		return
	}
	c.Versions++
	for name, f := range mf.Files {
		b, err := c.truth().get(ctx, versionFolder(r.Model, r.Number)+name)
		if err != nil || int64(len(b)) != f.Size || sum(b) != f.SHA256 {
			c.brokenf("version %s: %s has %d bytes, %s; the manifest says %+v; %v", r, name, len(b), sum(b), f, err)
		}
	}
}

// mayBeGone reports whether retention may have removed a version: enough later ones are there, and it does not serve.
func (c *checker) mayBeGone(r *ran) bool {
	now := c.moves.seen[r.Model]
	later := 0
	for _, other := range c.runs[r.Model] {
		if other.Number > r.Number && other.Result != nil && other.Result.Version != 0 {
			later++
		}
	}
	return r.Model == "price" && later >= 3 && now.Version != r.Number && (now.Previous != r.Number || now.Why == "version was removed")
}

func versionFolder(model string, n int) string {
	return "models/" + model + "/versions/" + strconv.Itoa(n) + "/"
}

func (c *checker) manifest(ctx context.Context, model string, n int) (mf retrain.Manifest, ok bool, err error) {
	ok, err = c.truth().read(ctx, versionFolder(model, n)+"manifest.json", &mf)
	return mf, ok, err
}
