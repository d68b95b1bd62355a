package s3io_test

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
	"retrain/s3io/s3iotest"
)

func TestBuckets(t *testing.T) {
	for name, in := range places {
		t.Run(name, func(t *testing.T) { s3iotest.TestBucket(t, func(t *testing.T) s3io.Bucket { return in(t).Bucket }) })
		t.Run(name+", metadata", func(t *testing.T) {
			p := in(t)
			s3iotest.TestMetadata(t, p.Bucket, func(t *testing.T, key, body string, metadata map[string]string) { p.put(t, key, body, metadata) })
		})
	}
}

func TestSources(t *testing.T) {
	for name, in := range places {
		for source, world := range map[string]func(t *testing.T, p place) *s3iotest.World{"native": native, "s3db 13": s3db13, "s3db 21": s3db21, "files": files} {
			t.Run(source+", "+name, func(t *testing.T) {
				s3iotest.TestSource(t, func(t *testing.T) *s3iotest.World { return world(t, in(t)) })
			})
		}
	}
}

var byKind = map[string][]string{"byKind": {"kind"}}

// native has records that are inserted one by one.
func native(t *testing.T, p place) *s3iotest.World {
	log, n := &s3io.Records{Bucket: p.Bucket}, 0
	return &s3iotest.World{Bucket: p.Bucket, Resource: retrain.Resource{Name: "products", Partitions: byKind}, Updates: true,
		Write: func(r *retrain.Record) {
			n++
			appendNew(t, log, retrain.Batch{ID: fmt.Sprint("b", n), Resource: "products", At: begin.Add(time.Duration(n)), Records: []retrain.Record{*r}})
		},
		Open: func(b s3io.Bucket) retrain.Source { return &s3io.Records{Bucket: b} },
	}
}

// files has a CSV file per record.
func files(t *testing.T, p place) *s3iotest.World {
	n := 0
	return &s3iotest.World{Bucket: p.Bucket,
		Resource: retrain.Resource{Name: "products", Source: "files", Files: &retrain.FilesSource{Prefix: "lake/"}, Partitions: byKind},
		Write: func(r *retrain.Record) {
			n++
			var names, cells []string
			for name, v := range *r {
				names, cells = append(names, name), append(cells, fmt.Sprint(v))
			}
			var text strings.Builder
			w := csv.NewWriter(&text)
			if err := w.WriteAll([][]string{names, cells}); err != nil {
				t.Fatal(err)
			}
			p.put(t, fmt.Sprintf("lake/%04d.csv", n), text.String(), nil)
		},
		Open: func(b s3io.Bucket) retrain.Source {
			return &s3io.Files{Open: func(context.Context, string) (s3io.Bucket, error) { return b, nil }}
		},
	}
}

// The attributes of the databases that the contract writes, in the order that version 13 numbers them.
const kinds = `"versions":{"v1":{"attributes":{"n":"number","kind":"string","text":"string","yes":"boolean"}}}`

func s3db13(t *testing.T, p place) *s3iotest.World {
	return database(t, p, `{"resources":{"products":{"currentVersion":"v1","partitions":{"byKind":{"fields":{"kind":"string"}}},`+kinds+`}}}`,
		map[string]string{"n": "0", "kind": "1", "text": "2", "yes": "3"})
}

func s3db21(t *testing.T, p place) *s3iotest.World {
	return database(t, p, `{"resources":{"products":{"currentVersion":"v1","partitions":{"byKind":{"fields":{"kind":"string"}}},
		"schemaRegistry":{"nextIndex":40,"mapping":{"text":0,"n":10,"kind":36,"yes":7}},`+kinds+`}}}`,
		map[string]string{"n": "a", "kind": "10", "text": "0", "yes": "7"})
}

// database has records as s3db.js stores them.
func database(t *testing.T, p place, schema string, short map[string]string) *s3iotest.World {
	const prefix = "databases/app/"
	p.put(t, prefix+"s3db.json", schema, nil)
	key := func(id string) string { return prefix + "resource=products/data/id=" + id }
	return &s3iotest.World{Bucket: p.Bucket, Updates: true,
		Resource: retrain.Resource{Name: "products", Source: "s3db", S3DB: &retrain.S3DBSource{Bucket: "old", Prefix: prefix}},
		Write: func(r *retrain.Record) {
			metadata := map[string]string{"_v": "v1"}
			for name, v := range *r {
				if name != "id" {
					metadata[short[name]] = inMetadata(v)
				}
			}
			p.put(t, key(r.ID()), "", metadata)
		},
		Remove: func(id string) {
			if err := p.Delete(t.Context(), key(id)); err != nil {
				t.Fatal(err)
			}
		},
		Open: func(b s3io.Bucket) retrain.Source {
			return &s3io.S3DB{Bucket: b, Open: func(context.Context, string) (s3io.Bucket, error) { return b, nil }}
		},
	}
}

// inMetadata encodes a value as s3db.js does.
func inMetadata(v any) string {
	switch v := v.(type) {
	case bool:
		return map[bool]string{true: "1", false: "0"}[v]
	case float64:
		before, after, point := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
		whole, _ := new(big.Int).SetString(before, 10)
		text := whole.Text(62)
		if point {
			text += "." + after
		}
		return text
	}
	return "b:" + base64.StdEncoding.EncodeToString(fmt.Append(nil, v))
}
