package s3io

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"retrain"
)

// Check tries whether a bucket can be used: whether it answers, and honours the conditions on which everything rests. It
// leaves nothing behind. A bucket that ignores conditions is a ModelConfigError.
func Check(ctx context.Context, b Bucket) (err error) {
	key := "check/" + rand.Text()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if cleanup := b.Delete(ctx, key); err == nil {
			err = cleanup
		}
	}()
	first, err := b.Put(ctx, key, []byte("1"), IfAbsent)
	if err != nil {
		return err
	}
	if _, err := b.Put(ctx, key, []byte("2"), IfAbsent); !errors.Is(err, retrain.ConflictError) {
		return ignores("If-None-Match", err)
	}
	if _, err := b.Put(ctx, key, []byte("3"), IfMatch(first)); err != nil {
		return fmt.Errorf("replace by If-Match: %w", err)
	}
	if _, err := b.Put(ctx, key, []byte("4"), IfMatch(first)); !errors.Is(err, retrain.ConflictError) {
		return ignores("If-Match", err)
	}
	if body, _, err := b.Get(ctx, key); err != nil || string(body) != "3" {
		return errors.Join(err, retrain.Errorf(retrain.UnavailableError, "what was written last is not what is read: %q", body))
	}
	return nil
}

func ignores(condition string, err error) error {
	if err != nil {
		return err
	}
	return retrain.Errorf(retrain.ModelConfigError, "the S3 server ignores %s", condition).
		WithHint("two workers could overwrite each other: use a server with conditional writes, like AWS, MinIO, Ceph or versitygw")
}
