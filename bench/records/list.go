package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// list lists a database's records with the SDK alone, page after page: what a reading costs that knows what it knows.
func (j *Job) list(ctx context.Context, r *Result) error {
	client := s3.New(s3.Options{BaseEndpoint: &j.S3.Endpoint, Region: j.S3.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(j.S3.AccessKeyID, j.S3.SecretAccessKey, "")})
	prefix := j.S3.Prefix + "/resource=products/data/id="
	for range max(1, j.Times) {
		began := time.Now()
		r.Rows, r.Gets = 0, 0
		in := &s3.ListObjectsV2Input{Bucket: new(bucket), Prefix: &prefix}
		for pages := s3.NewListObjectsV2Paginator(client, in); pages.HasMorePages(); r.Gets++ {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			r.Rows += len(page.Contents)
		}
		r.Seconds = append(r.Seconds, time.Since(began).Seconds())
		if r.Rows != j.Rows {
			return fmt.Errorf("%d keys, want %d", r.Rows, j.Rows)
		}
	}
	return nil
}
