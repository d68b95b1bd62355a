package app_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"retrain"
	"retrain/mlcore/prep"
	"retrain/s3io"
)

// A Parquet file in which a column has another type than in those before is an error that names the file, the row and the value; no
// row is left out in silence.
func TestParquetWithWrongTypes(t *testing.T) {
	type right struct {
		Cost  float64 `parquet:"cost"`
		Price float64 `parquet:"price"`
	}
	type wrong struct {
		Cost  float64 `parquet:"cost"`
		Price string  `parquet:"price"`
	}
	b := new(s3io.Memory)
	put(t, b, "lake/1.parquet", slices.Repeat([]right{{1, 2}, {3, 4}}, 10))
	put(t, b, "lake/2.parquet", []wrong{{1, "2"}, {3, "cheap"}})
	files := &s3io.Files{Open: func(context.Context, string) (s3io.Bucket, error) { return b, nil }}
	d, err := files.Snapshot(t.Context(), retrain.Resource{Name: "lake", Source: "files", Files: &retrain.FilesSource{Prefix: "lake/"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	model := retrain.Model{Name: "price", Type: retrain.Regression, Resource: "lake", Features: []string{"cost"}, Target: retrain.Names{"price"}}
	_, _, err = prep.Prepare(model.WithDefaults(), files.Tables(t.Context(), d))
	if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "lake/2.parquet#") || !strings.Contains(err.Error(), "price") {
		t.Errorf("got %v", err)
	}
}

func put[T any](t *testing.T, b s3io.Bucket, key string, rows []T) {
	t.Helper()
	var body bytes.Buffer
	w := parquet.NewGenericWriter[T](&body)
	_, err := w.Write(rows)
	if err = errors.Join(err, w.Close()); err == nil {
		_, err = b.Put(t.Context(), key, body.Bytes(), s3io.Always)
	}
	if err != nil {
		t.Fatal(err)
	}
}
