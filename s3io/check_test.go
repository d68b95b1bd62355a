package s3io_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// careless is a bucket that ignores conditions, as many servers do.
type careless struct {
	s3io.Bucket
	ignores func(s3io.Cond) bool
}

func (c careless) Put(ctx context.Context, key string, body []byte, cond s3io.Cond) (s3io.ETag, error) {
	if c.ignores(cond) {
		cond = s3io.Always
	}
	return c.Bucket.Put(ctx, key, body, cond)
}

func TestCheck(t *testing.T) {
	absent := func(c s3io.Cond) bool { return c == s3io.IfAbsent }
	for want, ignores := range map[string]func(s3io.Cond) bool{
		"":                                    func(s3io.Cond) bool { return false },
		"the S3 server ignores If-None-Match": absent,
		"the S3 server ignores If-Match":      func(c s3io.Cond) bool { return !absent(c) },
	} {
		memory := new(s3io.Memory)
		err := s3io.Check(t.Context(), careless{memory, ignores})
		if want == "" && err != nil || want != "" && (!errors.Is(err, retrain.ModelConfigError) || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
		for o := range memory.List(t.Context(), s3io.Listing{}) {
			t.Errorf("%s is left behind", o.Key)
		}
	}
}

// TestCheckLeavesNothing fails each call in turn; the last is the deletion.
func TestCheckLeavesNothing(t *testing.T) {
	broken := errors.New("broken")
	for at := 1; at < 6; at++ {
		memory := new(s3io.Memory)
		calls := 0
		b := &s3io.Faulty{Bucket: memory, After: func(op s3io.Op, _ string) error {
			if calls++; calls == at && op != s3io.OpDelete {
				return broken
			}
			return nil
		}}
		err := s3io.Check(t.Context(), b)
		if at < 4 && !errors.Is(err, broken) {
			t.Errorf("call %d: got %v", at, err)
		}
		for o := range memory.List(t.Context(), s3io.Listing{}) {
			t.Errorf("call %d: %s is left behind", at, o.Key)
		}
	}
}
