package s3io

import (
	"context"
	"errors"
	"sync"

	"retrain"
)

// kept is a JSON object that is read over and over: its bytes come again only when it has changed. The zero kept is ready to use,
// by any number of goroutines.
type kept[T any] struct {
	mu   sync.Mutex // guards the following
	v    *T
	etag ETag
}

// get returns the object as it is now, and its ETag; nil and none where it does not exist. Callers must not change it.
func (k *kept[T]) get(ctx context.Context, b Bucket, key string) (*T, ETag, error) {
	k.mu.Lock()
	v, was := k.v, k.etag
	k.mu.Unlock()
	body, e, err := b.GetChanged(ctx, key, was)
	switch {
	case errors.Is(err, retrain.NotFoundError):
		v, e = nil, ""
	case err != nil:
		return nil, "", err
	case v == nil || e != was:
		if v, err = parse[T](key, body); err != nil {
			return nil, "", err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.v, k.etag = v, e
	return v, e, nil
}
