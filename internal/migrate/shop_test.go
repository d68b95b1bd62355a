package migrate_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"retrain/internal/testenv"
	"retrain/s3io"
)

var (
	database = flag.String("s3dbjs", "", "s3db.js' module of the database: runs testdata/shop.mjs anew, and keeps what it stores")
	plugin   = flag.String("mlplugin", "", "s3db.js' module of MLPlugin")
	keep     = flag.String("keep", "", "the file in testdata to write")
)

// A dumped object is one that s3db.js wrote.
type dumped struct {
	Key          string            `json:"key"`
	Metadata     map[string]string `json:"metadata,omitempty"`
	Body         []byte            `json:"body,omitempty"`
	LastModified time.Time         `json:"lastModified"`
}

// TestShop runs the shop on s3db.js where that is given, and writes down what it stored.
func TestShop(t *testing.T) {
	if *database == "" {
		t.Skip("without -s3dbjs")
	}
	store := testenv.S3(t)
	connection := strings.Replace(store.Endpoint, "://", "://"+store.AccessKeyID+":"+store.SecretAccessKey+"@", 1) + "/" + store.Bucket + "/shop"
	out, err := exec.CommandContext(t.Context(), "node", "testdata/shop.mjs", *database, *plugin, connection).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := s3io.Open(t.Context(), s3io.Config{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true,
		AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey})
	if err != nil {
		t.Fatal(err)
	}
	var all []dumped
	for info, err := range bucket.List(t.Context(), s3io.Listing{Prefix: "shop/"}) {
		if err != nil {
			t.Fatal(err)
		}
		o, err := bucket.GetObject(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, dumped{info.Key, o.Metadata, o.Body, o.LastModified})
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(filepath.Join("testdata", *keep), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
