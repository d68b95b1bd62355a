package s3io

import (
	"context"
	"iter"
	"strings"
)

// Under returns the part of a bucket whose keys begin with prefix and a slash; the prefix is added and taken away. With an
// empty prefix it is the bucket itself.
func Under(b Bucket, prefix string) Bucket {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return b
	}
	return &under{b, prefix + "/"}
}

type under struct {
	bucket Bucket
	prefix string
}

func (u *under) Get(ctx context.Context, key string) ([]byte, ETag, error) {
	return u.bucket.Get(ctx, u.prefix+key)
}

func (u *under) GetChanged(ctx context.Context, key string, was ETag) ([]byte, ETag, error) {
	return u.bucket.GetChanged(ctx, u.prefix+key, was)
}

func (u *under) GetObject(ctx context.Context, key string) (Object, error) {
	return u.bucket.GetObject(ctx, u.prefix+key)
}

func (u *under) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, ETag, error) {
	return u.bucket.GetRange(ctx, u.prefix+key, offset, n)
}

func (u *under) Put(ctx context.Context, key string, body []byte, cond Cond) (ETag, error) {
	return u.bucket.Put(ctx, u.prefix+key, body, cond)
}

func (u *under) Delete(ctx context.Context, key string) error {
	return u.bucket.Delete(ctx, u.prefix+key)
}

func (u *under) List(ctx context.Context, l Listing) iter.Seq2[ObjectInfo, error] {
	l.Prefix = u.prefix + l.Prefix
	if l.After != "" {
		l.After = u.prefix + l.After
	}
	return func(yield func(ObjectInfo, error) bool) {
		for o, err := range u.bucket.List(ctx, l) {
			o.Key = strings.TrimPrefix(o.Key, u.prefix)
			if !yield(o, err) {
				return
			}
		}
	}
}
