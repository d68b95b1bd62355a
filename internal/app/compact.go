package app

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// Compact compacts the records of all resources that are ours, as far as that is due.
func (a *App) Compact(ctx context.Context) error {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range specs.Resources {
		if !r.Native() {
			continue
		}
		done, err := a.Records.Compact(ctx, r)
		if err != nil {
			errs = append(errs, fmt.Errorf("compact %s: %w", r.Name, err))
		}
		if done.Rows+done.Batches > 0 {
			a.Log.InfoContext(ctx, "compacted", "resource", r.Name, "batches", done.Batches, "rows", done.Rows)
		}
	}
	return errors.Join(errs...)
}

// Of a model's newest runs so many are looked at for one that is not finished: one is at work, and one waits.
const newestRuns = 4

// pinned returns the oldest index of a resource that an unfinished run reads.
func (a *App) pinned(ctx context.Context, resource string) (int, error) {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return 0, err
	}
	oldest := math.MaxInt
	for _, m := range specs.Models {
		looked := 0
		for run, err := range a.Runs.Runs(ctx, m.Name) {
			if err != nil {
				return 0, err
			}
			if run.Start != nil && run.Result == nil && run.Start.Dataset.Resource == resource {
				oldest = min(oldest, run.Start.Dataset.Generation)
			}
			if looked++; looked == newestRuns {
				break
			}
		}
	}
	return oldest, nil
}
