package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"retrain/s3io"
)

// What the database has where s3db.js is not here to make it.
const schema = `{"version":"1","resources":{"products":{"currentVersion":"v1","partitions":{"byCategory":{"fields":{"category":"string"}}},
	"schemaRegistry":{"mapping":{"name":0,"category":1,"cost":2,"demand":3,"price":4,"available":5,"createdAt":6}},
	"versions":{"v1":{"attributes":{"name":"string","category":"string","cost":"number","demand":"number","price":"number","available":"boolean","createdAt":"string"}}}}}}`

// fillDatabase stores records and the references of their partitions as s3db.js does, which would take minutes.
func fillDatabase(ctx context.Context, cfg S3, prefix string, rows int) error {
	b, err := s3io.Open(ctx, under(cfg, prefix).config())
	if err != nil {
		return err
	}
	if _, err := b.Put(ctx, "s3db.json", []byte(schema), s3io.IfAbsent); err != nil && !strings.Contains(err.Error(), "condition") {
		return err
	}
	text, _, err := b.Get(ctx, "s3db.json")
	if err != nil {
		return err
	}
	short, err := shortNames(text)
	if err != nil {
		return err
	}
	client := s3.New(s3.Options{BaseEndpoint: &cfg.Endpoint, Region: cfg.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(cfg.AccessKeyID, cfg.SecretAccessKey, "")})
	put := func(key string, metadata map[string]string) error {
		key = prefix + "/resource=products/" + key
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: new(bucket), Key: &key, Metadata: metadata})
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for n := range rows {
		g.Go(func() error {
			r := product(n)
			metadata := map[string]string{"_v": "v1"}
			for name, key := range short {
				metadata[key] = stored(r[name])
			}
			if err := put("data/id="+r.ID(), metadata); err != nil {
				return err
			}
			return put(fmt.Sprintf("partition=byCategory/category=%s/id=%s", category(n), r.ID()), map[string]string{"_v": "v1"})
		})
	}
	_ = ctx // of the group: the first error ends the others' requests
	return g.Wait()
}

// shortNames returns what the attributes are called in metadata.
func shortNames(text []byte) (map[string]string, error) {
	var db struct {
		Resources map[string]struct {
			SchemaRegistry struct {
				Mapping map[string]int64 `json:"mapping"`
			} `json:"schemaRegistry"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &db); err != nil {
		return nil, err
	}
	short := make(map[string]string)
	for name, i := range db.Resources["products"].SchemaRegistry.Mapping {
		short[name] = strconv.FormatInt(i, 36)
	}
	if len(short) == 0 {
		return nil, fmt.Errorf("the database does not say how attributes are called: %s", text)
	}
	return short, nil
}

// stored encodes a value.
func stored(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "1"
		}
		return "0"
	case float64:
		before, after, point := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
		whole, _ := new(big.Int).SetString(before, 10) // it was formatted
		text := whole.Text(62)
		if point {
			text += "." + after
		}
		return text
	}
	return fmt.Sprint(v)
}
