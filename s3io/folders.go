package s3io

import (
	"context"
	"iter"
	"strings"
)

// foldersUnder yields the names of the folders directly below a prefix, which ends with a slash.
func foldersUnder(ctx context.Context, b Bucket, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for o, err := range b.List(ctx, Listing{Prefix: prefix, Delimiter: "/"}) {
			if err != nil {
				yield("", err)
				return
			}
			name, folder := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix), "/")
			if folder && !yield(name, nil) {
				return
			}
		}
	}
}
