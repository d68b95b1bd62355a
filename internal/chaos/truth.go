package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/klauspost/compress/zstd"
)

// A truth reads what is in S3, by the layout that is documented, and with nothing of the system's own code.
type truth struct{ client *s3.Client }

func (s *stage) truth() truth {
	return truth{s3.New(s3.Options{BaseEndpoint: new(s.s3.Endpoint()), Region: "us-east-1", UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: user, SecretAccessKey: password}, nil
		})})}
}

// keys lists the keys with a prefix.
func (t truth) keys(ctx context.Context, prefix string) (keys []string, err error) {
	pages := s3.NewListObjectsV2Paginator(t.client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys, nil
}

// get returns an object, nil where there is none.
func (t truth) get(ctx context.Context, key string) ([]byte, error) {
	o, err := t.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer o.Body.Close()
	return io.ReadAll(o.Body)
}

// read decodes an object, and reports whether it is there.
func (t truth) read(ctx context.Context, key string, v any) (bool, error) {
	b, err := t.get(ctx, key)
	if err != nil || b == nil {
		return false, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return true, fmt.Errorf("%s: %w", key, err)
	}
	return true, nil
}

const logPrefix = "resources/items/log/"

// batches returns the rows of every batch, by the batch's id. What was read before is not read again.
func (t truth) batches(ctx context.Context, known map[string][]row) error {
	keys, err := t.keys(ctx, logPrefix)
	if err != nil {
		return err
	}
	for _, key := range keys {
		batch, ours := strings.CutSuffix(strings.TrimPrefix(key, logPrefix), ".jsonl.zst")
		if known[batch] != nil {
			continue
		}
		if !ours {
			return fmt.Errorf("%s: what is this?", key)
		}
		b, err := t.get(ctx, key)
		if err != nil {
			return err
		}
		if known[batch], err = decode(b); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// decode reads a batch: zstd, JSON lines.
func decode(object []byte) ([]row, error) {
	z, err := zstd.NewReader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	rows := []row{}
	for d := json.NewDecoder(z); ; {
		var r row
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
