package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

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
	body, _, err := t.getAt(ctx, key)
	return body, err
}

// getAt returns also when an object was written.
func (t truth) getAt(ctx context.Context, key string) (body []byte, at time.Time, err error) {
	o, err := t.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, at, nil
	} else if err != nil {
		return nil, at, err
	}
	defer o.Body.Close()
	body, err = io.ReadAll(o.Body)
	return body, aws.ToTime(o.LastModified), err
}

// read decodes an object, and reports whether it is there.
func (t truth) read(ctx context.Context, key string, v any) (bool, error) {
	at, err := t.readAt(ctx, key, v)
	return !at.IsZero(), err
}

// readAt decodes an object, and returns when it was written; zero where there is none.
func (t truth) readAt(ctx context.Context, key string, v any) (time.Time, error) {
	b, at, err := t.getAt(ctx, key)
	if err != nil || b == nil {
		return time.Time{}, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return at, fmt.Errorf("%s: %w", key, err)
	}
	return at, nil
}

const logPrefix = "resources/items/log/"

const packsPrefix = "resources/items/packs/"

// batches returns the rows of every batch, by the batch's id, and which batches came with which absorption. What was read before is
// not read again.
func (t truth) batches(ctx context.Context, known map[string][]row, absorbed map[int][]string) error {
	for _, prefix := range []string{packsPrefix, logPrefix} {
		keys, err := t.keys(ctx, prefix)
		if err != nil {
			return err
		}
		for _, key := range keys {
			name, ours := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".jsonl.zst")
			n, pack := 0, prefix == packsPrefix
			if pack {
				if _, err := fmt.Sscanf(name, "%d-", &n); err != nil {
					return fmt.Errorf("%s: %w", key, err)
				}
			}
			if known[name] != nil || pack && absorbed[n] != nil {
				continue
			}
			if !ours {
				return fmt.Errorf("%s: what is this?", key)
			}
			b, err := t.get(ctx, key)
			if err != nil || b == nil { // it was absorbed just now
				return err
			}
			ids, err := hold(b, known)
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			if pack {
				absorbed[n] = ids
			}
		}
	}
	return nil
}

// A header is what stands before an object's lines: its batches, or those of the objects in a pack.
type header struct {
	Batch   string `json:"batch"`
	Records int    `json:"records"`
	Batches []struct {
		ID      string `json:"id"`
		Records int    `json:"records"`
	} `json:"batches"`
	Objects []struct {
		Size int `json:"size"`
	} `json:"objects"`
}

// hold reads the batches of an object, or of a pack of objects, into known, and returns their ids.
func hold(object []byte, known map[string][]row) (ids []string, err error) {
	const frame = 8
	if len(object) < frame {
		return nil, io.ErrUnexpectedEOF
	}
	size := frame + int(binary.LittleEndian.Uint32(object[4:]))
	var h header
	if size > len(object) {
		return nil, io.ErrUnexpectedEOF
	}
	if err := json.Unmarshal(object[frame:size], &h); err != nil {
		return nil, err
	}
	if h.Objects != nil {
		rest := object[size:]
		for _, o := range h.Objects {
			more, err := hold(rest[:o.Size], known)
			if err != nil {
				return nil, err
			}
			ids, rest = append(ids, more...), rest[o.Size:]
		}
		return ids, nil
	}
	rows, err := decode(object)
	if err != nil {
		return nil, err
	}
	if h.Batches == nil {
		known[h.Batch] = rows
		return []string{h.Batch}, nil
	}
	for _, b := range h.Batches {
		ids = append(ids, b.ID)
		if known[b.ID] == nil {
			known[b.ID] = rows[:b.Records:b.Records]
		}
		rows = rows[b.Records:]
	}
	return ids, nil
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
