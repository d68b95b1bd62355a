package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"retrain"
	"retrain/mlcore"
	"retrain/s3io"
)

// again trains some runs once more, where nobody disturbs it, and asks the versions once more what the predictors were asked.
func (c *checker) again(ctx context.Context) {
	b, err := s3io.Open(ctx, s3io.Config{Bucket: bucket, Endpoint: c.s3.Endpoint(), Region: "us-east-1", PathStyle: true, AccessKeyID: user, SecretAccessKey: password})
	if err != nil {
		c.brokenf("open the bucket: %v", err)
		return
	}
	c.Interrupted = c.interrupted()
	chosen := c.chosen()
	for _, r := range chosen {
		if err := c.retrain(ctx, b, r); err != nil {
			c.brokenf("%s once more: %v", r, err)
		}
	}
	c.askAgain(ctx, b)
}

var handedOn = regexp.MustCompile(`handed on.* run=(\S+)`)

// interrupted returns the runs that the schedulers handed on, or a worker handed back.
func (c *checker) interrupted() map[string]bool {
	found := make(map[string]bool)
	for _, p := range c.all {
		log, err := os.ReadFile(p.log.Name())
		if err != nil {
			c.brokenf("%v", err)
		}
		for _, m := range handedOn.FindAllSubmatch(log, -1) {
			found[string(m[1])] = true
		}
		for _, m := range handedBack.FindAllSubmatch(log, -1) {
			found[string(m[1])] = true
		}
	}
	return found
}

var handedBack = regexp.MustCompile(`msg=task type=train id=(\S+)\.\d+ .*err=`)

// chosen returns runs to be trained again: those that were interrupted first.
func (c *checker) chosen() (chosen []*ran) {
	var others []*ran
	for _, model := range slices.Sorted(maps.Keys(c.runs)) {
		for _, r := range slices.Backward(c.runs[model]) {
			switch {
			case r.Result == nil || r.Result.Version == 0 || !r.Request.ResetWeights || c.mayBeGone(r):
			case c.Interrupted[r.String()]:
				chosen = append(chosen, r)
			default:
				others = append(others, r)
			}
		}
	}
	slices.SortStableFunc(chosen, func(a, b *ran) int { return slowFirst(b) - slowFirst(a) })
	all := slices.Concat(chosen, others)
	return all[:min(c.options.Again, len(all))]
}

func slowFirst(r *ran) int {
	if r.Model == "slow" {
		return 1
	}
	return 0
}

// retrain trains a run's data set in an empty folder, and compares the files with those that were published.
func (c *checker) retrain(ctx context.Context, b s3io.Bucket, r *ran) error {
	dir, err := os.MkdirTemp(c.dir, "again-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mf, ok, err := c.manifest(ctx, r.Model, r.Number)
	if err != nil || !ok {
		return fmt.Errorf("its manifest is there: %v: %w", ok, err)
	}
	job := retrain.Job{Model: r.Start.Model, Data: (&s3io.Records{Bucket: b}).Tables(ctx, r.Start.Dataset), Dir: dir}
	if _, err := new(mlcore.Engine).Fit(ctx, job); err != nil {
		return err
	}
	for name, f := range mf.Files {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if sum(body) != f.SHA256 {
			return fmt.Errorf("%s is %s, published was %s", name, sum(body), f.SHA256)
		}
	}
	c.Again++
	if c.Interrupted[r.String()] {
		c.AgainInterrupted++
	}
	return nil
}

// askAgain loads each version that answered and compares what it says.
func (c *checker) askAgain(ctx context.Context, b s3io.Bucket) {
	byVersion := make(map[string][]answered)
	for _, a := range c.asked.all {
		byVersion[a.Model+" "+a.Version] = append(byVersion[a.Model+" "+a.Version], a)
	}
	for _, which := range slices.Sorted(maps.Keys(byVersion)) {
		if err := c.askVersion(ctx, b, byVersion[which]); err != nil {
			c.brokenf("ask %s again: %v", which, err)
		}
	}
}

func (c *checker) askVersion(ctx context.Context, b s3io.Bucket, questions []answered) error {
	n, err := strconv.Atoi(questions[0].Version)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(c.dir, "version-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	registry := &s3io.Registry{Bucket: b}
	v, err := registry.Fetch(ctx, questions[0].Model, n, filepath.Join(dir, "version"))
	if errors.Is(err, retrain.NotFoundError) && c.mayBeGone(&ran{Model: questions[0].Model, Number: n}) {
		return nil
	} else if err != nil {
		return err
	}
	version, err := mlcore.Load(v) //nolint:contextcheck // it takes none
	if err != nil {
		return err
	}
	defer func() {
		if err := version.Close(); err != nil {
			slog.Warn("close", "err", err)
		}
	}()
	for _, q := range questions {
		records := make([]retrain.Record, len(q.Rows))
		for i, r := range q.Rows {
			records[i] = retrain.Record{"id": r.ID, "cost": r.Cost, "demand": r.Demand, "kind": r.Kind, "region": r.Region, "price": r.Price}
		}
		want, err := version.Predict(ctx, records)
		if err != nil {
			return err
		}
		c.Asked++
		for i := range want {
			if !same(q.Predictions[i], want[i].Prediction) {
				return fmt.Errorf("at %v it said %v to %+v, it says %v", q.At, q.Predictions[i], q.Rows[i], want[i].Prediction)
			}
		}
	}
	return nil
}

// same compares a decoded answer with one of ours.
func same(got, want any) bool {
	g, isNumber := got.(float64)
	w, wantNumber := want.(float64)
	if isNumber && wantNumber {
		return math.Abs(g-w) <= 1e-6*max(1, math.Abs(w))
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}
