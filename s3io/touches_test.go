package s3io_test

import (
	"testing"

	"retrain"
	"retrain/s3io"
)

func TestTouches(t *testing.T) {
	legacy := retrain.Resource{Name: "products", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Prefix: "databases/app"}}
	whole := retrain.Resource{Name: "x", Source: "s3db", S3DB: &retrain.S3DBSource{Resource: "products"}}
	lake := retrain.Resource{Name: "lake", Source: "files", Files: &retrain.FilesSource{Prefix: "lake/flights"}}
	native := retrain.Resource{Name: "products"}
	for _, c := range []struct {
		r           retrain.Resource
		bucket, key string
		want        bool
	}{
		{legacy, "old", "databases/app/resource=products/data/id=1", true},
		{legacy, "old", "databases/app/s3db.json", true},
		{legacy, "ours", "databases/app/resource=products/data/id=1", false},
		{legacy, "old", "databases/app/resource=products2/data/id=1", false},
		{legacy, "old", "databases/app/resource=products/partition=p/a=1/id=1", false},
		{legacy, "old", "databases/application/s3db.json", false},
		{whole, "ours", "resource=products/data/id=a/b", true},
		{lake, "ours", "lake/flights/1.csv", true},
		{lake, "ours", "lake/flights/day=1/1.parquet", true},
		{lake, "ours", "lake/flights/_temporary/1.csv", false},
		{lake, "ours", "lake/flights/README.md", false},
		{lake, "ours", "lake/flights2/1.csv", false},
		{lake, "old", "lake/flights/1.csv", false},
		{native, "ours", "resources/products/log/b.jsonl.zst", false},
	} {
		if got := s3io.Touches(&c.r, c.bucket, c.key, "ours"); got != c.want {
			t.Errorf("%s %s/%s: got %v, want %v", c.r.Name, c.bucket, c.key, got, c.want)
		}
	}
}
