package s3io

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"retrain"
)

// Files of a version in memory at the same time.
const filesAtOnce = 4

// What helps against a version that is not whole.
const repair = "roll back to another version, or train again"

// Fetch copies a version's files into dir, which it makes, and the manifest beside them. Each file is compared with the
// manifest's size and digest before it is written; one that differs or is missing is a DataValidationError, and dir is no
// version then. It returns a NotFoundError where the version is not published.
func (r *Registry) Fetch(ctx context.Context, model string, version int, dir string) (retrain.Version, error) {
	mf, err := r.Manifest(ctx, model, version)
	if err != nil {
		return retrain.Version{}, err
	}
	names := slices.Sorted(maps.Keys(mf.Files))
	_, err = all(ctx, len(names), filesAtOnce, func(ctx context.Context, i int) (struct{}, error) {
		return struct{}{}, r.fetchFile(ctx, versionKey(model, version)+names[i], mf.Files[names[i]], dir, names[i])
	})
	if err != nil {
		return retrain.Version{}, err
	}
	body, err := marshal(mf)
	if err == nil {
		err = writeFile(filepath.Join(dir, manifestName), body)
	}
	return retrain.Version{Dir: dir, Manifest: &mf}, err
}

func (r *Registry) fetchFile(ctx context.Context, key string, want retrain.File, dir, name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return retrain.Errorf(retrain.DataValidationError, "the manifest names a file outside of its version: %q", name)
	}
	body, err := r.file(ctx, key, want)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, filepath.FromSlash(name)), body)
}

// file returns a version's file, or a DataValidationError where it isn't what the manifest says.
func (r *Registry) file(ctx context.Context, key string, want retrain.File) ([]byte, error) {
	body, _, err := r.Bucket.Get(ctx, key)
	if errors.Is(err, retrain.NotFoundError) {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s is missing", key).WithHint(repair)
	} else if err != nil {
		return nil, err
	}
	if got := describe(body); got != want {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s is damaged: %d bytes, sha256 %s; its manifest says %d, %s",
			key, got.Size, got.SHA256, want.Size, want.SHA256).WithHint(repair)
	}
	return body, nil
}

// writeFile writes a file that other users may read: a version is also exported, for TensorFlow Serving or Python.
func writeFile(name string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // see above
		return err
	}
	return os.WriteFile(name, body, 0o644) //nolint:gosec // see above
}

// Stamp returns what changes whenever a file of a version does, and "" where there is none.
func (r *Registry) Stamp(ctx context.Context, model string, version int) (string, error) {
	var stamp []byte
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: versionKey(model, version)}) {
		if err != nil {
			return "", err
		}
		stamp = fmt.Appendf(stamp, "%s %s %d\n", o.Key, o.ETag, o.LastModified.UnixNano())
	}
	if len(stamp) == 0 {
		return "", nil
	}
	return digest(stamp), nil
}
