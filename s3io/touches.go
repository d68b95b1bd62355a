package s3io

import (
	"cmp"
	"strings"

	"retrain"
	"retrain/s3io/s3db"
)

// Touches reports whether a change of an object changes the records that a resource reads from others. ours is the bucket that
// stands where a resource names none. Records of our own are never touched so: whoever inserts them counts them.
func Touches(r *retrain.Resource, bucket, key, ours string) bool {
	switch {
	case r.S3DB != nil:
		key, inside := strings.CutPrefix(key, folder(r.S3DB.Prefix))
		return inside && bucket == cmp.Or(r.S3DB.Bucket, ours) &&
			(key == s3db.MetadataKey || strings.HasPrefix(key, s3db.DataKey(cmp.Or(r.S3DB.Resource, r.Name))))
	case r.Files != nil:
		prefix := strings.TrimPrefix(r.Files.Prefix, "/")
		return strings.HasPrefix(key, prefix) && bucket == cmp.Or(r.Files.Bucket, ours) && isFile(prefix, key) && formatOf(r, key) != ""
	}
	return false
}

// folder returns a prefix with one slash at its end, and "" for none.
func folder(prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return prefix
}
