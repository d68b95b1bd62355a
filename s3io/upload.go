package s3io

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// An uploader stores objects that need not be in memory.
type uploader interface {
	upload(ctx context.Context, key string, body io.ReadSeeker) error
}

// Upload stores an object of any size up to the 5 GB that S3 takes at once, whatever was there before. A bucket on a server reads
// the body as it sends it.
func Upload(ctx context.Context, b Bucket, key string, body io.ReadSeeker) error {
	if u, ok := b.(uploader); ok {
		return u.upload(ctx, key, body)
	}
	all, err := io.ReadAll(body)
	if err == nil {
		_, err = b.Put(ctx, key, all, Always)
	}
	return err
}

func (b *s3Bucket) upload(ctx context.Context, key string, body io.ReadSeeker) error {
	_, err := b.client.PutObject(ctx, b.cfg.encrypted(&s3.PutObjectInput{Bucket: &b.cfg.Bucket, Key: &key, Body: body}))
	return b.cfg.translate(ctx, OpPut, key, err)
}
