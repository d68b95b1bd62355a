package s3io

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"retrain"
)

// Publish stores files as a version: first all others, then saved_model.pb, for which TensorFlow Serving looks, and last the
// manifest. Whoever dies before has published nothing, and whoever comes then begins again.
func (r *Registry) Publish(ctx context.Context, mf retrain.Manifest, files fs.FS) (retrain.Manifest, error) {
	was, err := r.Manifest(ctx, mf.Model, mf.Version)
	if !errors.Is(err, retrain.NotFoundError) {
		return was, err
	}
	names, err := publishOrder(files)
	if err != nil {
		return mf, err
	}
	mf.Files = make(map[string]retrain.File, len(names))
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return mf, err
		}
		mf.Files[name] = describe(body)
		if err := r.upload(ctx, mf, name, body); errors.Is(err, errPublished) {
			return r.Manifest(ctx, mf.Model, mf.Version)
		} else if err != nil {
			return mf, err
		}
	}
	return once(ctx, r.Bucket, versionKey(mf.Model, mf.Version)+manifestName, mf)
}

// describe returns what a manifest says of a file.
func describe(body []byte) retrain.File {
	sum := sha256.Sum256(body)
	return retrain.File{Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

// publishOrder returns the names of all files, saved_model.pb last.
func publishOrder(files fs.FS) (names []string, err error) {
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && name != manifestName {
			names = append(names, name)
		}
		return err
	})
	rank := func(name string) int { return strings.Count(path.Base(name), "saved_model.pb") }
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names, err
}

var errPublished = errors.New("the version was published meanwhile")

// upload stores one file. What an attempt that died has left there is replaced where it differs, but only as long as the
// version isn't published, and only if it is still what we saw: a published file never changes.
func (r *Registry) upload(ctx context.Context, mf retrain.Manifest, name string, body []byte) error {
	key := versionKey(mf.Model, mf.Version) + name
	_, err := r.Bucket.Put(ctx, key, body, IfAbsent)
	for errors.Is(err, retrain.ConflictError) {
		is, e, getErr := r.Bucket.Get(ctx, key)
		if getErr != nil {
			return fmt.Errorf("what is there already: %w", getErr)
		}
		if bytes.Equal(is, body) {
			return nil
		}
		if _, err := r.Manifest(ctx, mf.Model, mf.Version); !errors.Is(err, retrain.NotFoundError) {
			return errors.Join(errPublished, err)
		}
		_, err = r.Bucket.Put(ctx, key, body, IfMatch(e))
	}
	return err
}
