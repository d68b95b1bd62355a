package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"retrain"
	"retrain/s3io"
)

// Compact compacts the records of all resources that are ours, as far as that is due.
func (a *App) Compact(ctx context.Context) error {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return err
	}
	native := slices.DeleteFunc(slices.Clone(specs.Resources), func(r retrain.Resource) bool { return !r.Native() })
	var errs []error
	err = a.Records.CompactAll(ctx, native, func(resource string, done s3io.Compacted, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("compact %s: %w", resource, err))
		}
		if done.Rows+done.Batches > 0 {
			a.Log.InfoContext(ctx, "compacted", "resource", resource, "batches", done.Batches, "rows", done.Rows)
		}
	})
	return errors.Join(append(errs, err)...)
}

// pinned returns the oldest index of a resource that an unfinished run reads.
func (a *App) pinned(ctx context.Context, resource string) (int, error) {
	specs, err := a.Catalog.Specs(ctx)
	if err != nil {
		return 0, err
	}
	return retrain.OldestRead(ctx, a.Runs, specs.Models, resource)
}
