package s3io

import (
	"context"
	"slices"
	"strconv"

	"retrain"
)

// Registry keeps versions, and the pointers to those that serve.
type Registry struct {
	Bucket Bucket
}

var (
	_ retrain.Registry = (*Registry)(nil)
	_ retrain.Shelf    = (*Registry)(nil)
)

const manifestName = "manifest.json"

func modelKey(model string) string { return "models/" + segment(model) + "/" }

func versionsKey(model string) string { return modelKey(model) + "versions/" }

func versionKey(model string, n int) string { return versionsKey(model) + strconv.Itoa(n) + "/" }

// Manifest returns a version's manifest, or a NotFoundError.
func (r *Registry) Manifest(ctx context.Context, model string, version int) (retrain.Manifest, error) {
	mf, err := optional[retrain.Manifest](ctx, r.Bucket, versionKey(model, version)+manifestName)
	if err != nil {
		return retrain.Manifest{}, err
	}
	if mf == nil {
		return retrain.Manifest{}, retrain.Errorf(retrain.NotFoundError, "model %s has no version %d", model, version).
			WithHint("producer versions %s lists them", model)
	}
	return *mf, nil
}

// Versions returns a model's versions, newest first. What was not published to its end is none.
func (r *Registry) Versions(ctx context.Context, model string) ([]retrain.Manifest, error) {
	numbers, err := numbersUnder(ctx, r.Bucket, versionsKey(model))
	if err != nil {
		return nil, err
	}
	found, err := all(ctx, len(numbers), fetches, func(ctx context.Context, i int) (*retrain.Manifest, error) {
		return optional[retrain.Manifest](ctx, r.Bucket, versionKey(model, numbers[i])+manifestName)
	})
	versions := []retrain.Manifest{}
	for _, mf := range found {
		if mf != nil {
			versions = append(versions, *mf)
		}
	}
	return versions, err
}

// numbersUnder returns the folders that are named by a number, highest first.
func numbersUnder(ctx context.Context, b Bucket, prefix string) (numbers []int, err error) {
	for name, err := range foldersUnder(ctx, b, prefix) {
		if err != nil {
			return nil, err
		}
		if n, err := strconv.Atoi(name); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}
