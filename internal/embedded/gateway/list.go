package gateway

import (
	"context"
	"io/fs"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

// A lister says of each object in a listing its ETag, size and time. The library also looks whether it is a mark of a deletion, of
// which there are none since nothing here has versions, and for its checksum, which costs more than all the rest.
type lister struct {
	*posix.Posix

	attributes meta.MetadataStorer
	slots      chan struct{} // full while so many listings are at work, as the library has it
}

// Listings at work at once: each reads a folder whole.
const listings = 64

func newLister(files *posix.Posix, attributes meta.MetadataStorer) lister {
	return lister{files, attributes, make(chan struct{}, listings)}
}

// ListObjectsV2 lists a bucket.
func (l lister) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return s3response.ListObjectsV2Result{}, context.Cause(ctx)
	}
	return l.ListObjectsV2Parametrized(ctx, in, l.object)
}

// object returns what tells of an object. What is not a plain file, or has no ETag, is the library's.
func (l lister) object(bucket string, withOwner bool) backend.GetObjFunc {
	whole := l.FileToObj(bucket, withOwner)
	if withOwner {
		return whole
	}
	return func(key string, d fs.DirEntry) (s3response.Object, error) {
		if !d.Type().IsRegular() {
			return whole(key, d)
		}
		b, err := l.attributes.RetrieveAttribute(nil, bucket, key, "etag")
		if err != nil || len(b) == 0 {
			return whole(key, d)
		}
		info, err := d.Info()
		if err != nil {
			return whole(key, d)
		}
		etag, size, at := string(b), info.Size(), info.ModTime()
		return s3response.Object{ETag: &etag, Key: &key, LastModified: &at, Size: &size, StorageClass: types.ObjectStorageClassStandard}, nil
	}
}
