package main

import (
	"context"
	"time"

	"retrain/s3io"
)

// compact compacts a resource.
func (j *Job) compact(ctx context.Context, b s3io.Bucket, r *Result) error {
	began := time.Now()
	done, err := (&s3io.Records{Bucket: b, Tuning: s3io.Tuning{Objects: 1}}).Compact(ctx, j.Resource)
	r.Rows, r.Seconds = done.Rows, []float64{time.Since(began).Seconds()}
	return err
}
