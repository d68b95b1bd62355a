package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain"
)

// s3Bucket is a bucket on an S3 server.
type s3Bucket struct {
	client *s3.Client
	cfg    Config
}

// Get reads an object.
func (b *s3Bucket) Get(ctx context.Context, key string) ([]byte, ETag, error) {
	o, err := b.GetObject(ctx, key)
	return o.Body, o.ETag, err
}

// GetChanged reads an object that has changed. Servers that know no conditions for reading send it in any case.
func (b *s3Bucket) GetChanged(ctx context.Context, key string, was ETag) ([]byte, ETag, error) {
	in := &s3.GetObjectInput{Bucket: &b.cfg.Bucket, Key: &key}
	if was != "" {
		in.IfNoneMatch = aws.String(`"` + string(was) + `"`)
	}
	o, err := b.getAgain(ctx, in)
	if errors.Is(err, errNotModified) {
		return nil, was, nil
	}
	return unlessSame(o, err)(was)
}

// GetObject reads an object. A body that breaks off is asked for again: the SDK's own retries end with the header.
func (b *s3Bucket) GetObject(ctx context.Context, key string) (Object, error) {
	return b.getAgain(ctx, &s3.GetObjectInput{Bucket: &b.cfg.Bucket, Key: &key})
}

// GetRange reads a part of an object, as GetObject does.
func (b *s3Bucket) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, ETag, error) {
	if offset < 0 || n < 1 {
		return nil, "", noRange("s3: get "+b.cfg.place(key), offset, n)
	}
	o, err := b.getAgain(ctx, &s3.GetObjectInput{Bucket: &b.cfg.Bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+n-1))})
	if int64(len(o.Body)) > n { // a server that knows no ranges
		return nil, "", retrain.Errorf(retrain.UnavailableError, "s3: get %s: a part was asked for, and all of it came", b.cfg.place(key)).
			WithHint("this S3 server does not honour Range")
	}
	return o.Body, o.ETag, err
}

func (b *s3Bucket) getAgain(ctx context.Context, in *s3.GetObjectInput) (Object, error) {
	var err error
	for range attempts {
		var o Object
		o, err = b.get(ctx, in)
		if httpStatus(err) == http.StatusNotModified {
			return Object{}, errNotModified
		}
		if !errors.Is(err, errBrokenOff) {
			return o, b.cfg.translate(ctx, OpGet, *in.Key, err)
		}
	}
	return Object{}, b.cfg.translate(ctx, OpGet, *in.Key, err)
}

var (
	errBrokenOff   = errors.New("the body broke off")
	errNotModified = errors.New("the object is what it was")
)

func (b *s3Bucket) get(ctx context.Context, in *s3.GetObjectInput) (Object, error) {
	out, err := b.client.GetObject(ctx, in, func(o *s3.Options) {
		if in.Range != nil { // some servers send the checksum of the whole with a part
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})
	if err != nil {
		return Object{}, err
	}
	defer out.Body.Close()
	body := bytes.NewBuffer(make([]byte, 0, max(0, aws.ToInt64(out.ContentLength))+bytes.MinRead))
	if _, err := io.Copy(body, out.Body); err != nil {
		return Object{}, errors.Join(errBrokenOff, err)
	}
	date, _ := awsmiddleware.GetServerTime(out.ResultMetadata) // zero where the server does not say
	return Object{body.Bytes(), etag(out.ETag), aws.ToTime(out.LastModified), out.Metadata, date}, nil
}

// Put stores an object. When the answer to a conditional write is lost and the SDK asks again, the server refuses because of
// what our own first attempt has stored: then the object is ours, which its content shows.
func (b *s3Bucket) Put(ctx context.Context, key string, body []byte, cond Cond) (ETag, error) {
	in := b.cfg.encrypted(&s3.PutObjectInput{Bucket: &b.cfg.Bucket, Key: &key, Body: bytes.NewReader(body)})
	if cond.absent {
		in.IfNoneMatch = aws.String("*")
	}
	if cond.etag != "" {
		in.IfMatch = aws.String(`"` + string(cond.etag) + `"`)
	}
	watch := &watched{HTTPClient: b.client.Options().HTTPClient}
	out, err := b.client.PutObject(ctx, in, func(o *s3.Options) { o.HTTPClient = watch })
	if err == nil {
		return etag(out.ETag), nil
	}
	err = b.cfg.translate(ctx, OpPut, key, err)
	if cond.etag != "" && (errors.Is(err, retrain.NotFoundError) || apiCode(err) == beingWritten) {
		err = retrain.Errorf(retrain.ConflictError, "%w", err)
	}
	if watch.unknown && errors.Is(err, retrain.ConflictError) {
		if is, e, getErr := b.Get(ctx, key); getErr == nil && bytes.Equal(is, body) {
			return e, nil
		}
	}
	return "", err
}

// The code of an answer (409) to a condition while somebody else writes the object. Whether that write succeeds is not known
// yet, so absent it may still be: the SDK asks again, and in the end it's an UnavailableError.
const beingWritten = "ConditionalRequestConflict"

// watched notes whether any attempt of one call may have happened without our knowing.
type watched struct {
	s3.HTTPClient
	unknown bool
}

// Do sends one attempt; they come one after the other.
func (c *watched) Do(r *http.Request) (*http.Response, error) {
	response, err := c.HTTPClient.Do(r)
	c.unknown = c.unknown || err != nil || response.StatusCode >= http.StatusInternalServerError
	return response, err
}

// Delete removes an object.
func (b *s3Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.cfg.Bucket, Key: &key})
	err = b.cfg.translate(ctx, OpDelete, key, err)
	if errors.Is(err, retrain.NotFoundError) {
		return nil
	}
	return err
}

// List asks page by page.
func (b *s3Bucket) List(ctx context.Context, l Listing) iter.Seq2[ObjectInfo, error] {
	in := &s3.ListObjectsV2Input{Bucket: &b.cfg.Bucket, Prefix: &l.Prefix}
	if l.After != "" {
		in.StartAfter = &l.After
	}
	if l.Delimiter != "" {
		in.Delimiter = &l.Delimiter
	}
	if l.Page > 0 {
		in.MaxKeys = aws.Int32(int32(min(l.Page, pageKeys)))
	}
	return func(yield func(ObjectInfo, error) bool) {
		for in := *in; ; {
			page, err := b.listPage(ctx, &in)
			if err != nil {
				yield(ObjectInfo{}, b.cfg.translate(ctx, OpList, l.Prefix, err))
				return
			}
			for _, o := range page.objects {
				if !yield(o, nil) {
					return
				}
			}
			if page.next == "" {
				return
			}
			in.ContinuationToken = &page.next
		}
	}
}

// listPage asks for a page. Its objects are sorted.
func (b *s3Bucket) listPage(ctx context.Context, in *s3.ListObjectsV2Input) (*listPage, error) {
	page := &listPage{}
	out, err := b.client.ListObjectsV2(ctx, in, page.options)
	if err != nil {
		return nil, err
	}
	if !page.read {
		page = &listPage{objects: merged(out), next: aws.ToString(out.NextContinuationToken)}
		if !aws.ToBool(out.IsTruncated) {
			page.next = ""
		}
	}
	return page, nil
}

// merged returns a page's objects and rolled-up prefixes in the order of their keys.
func merged(page *s3.ListObjectsV2Output) []ObjectInfo {
	all := make([]ObjectInfo, 0, len(page.Contents)+len(page.CommonPrefixes))
	prefixes := page.CommonPrefixes
	for _, o := range page.Contents {
		for len(prefixes) > 0 && *prefixes[0].Prefix < aws.ToString(o.Key) {
			all, prefixes = append(all, ObjectInfo{Key: *prefixes[0].Prefix}), prefixes[1:]
		}
		all = append(all, ObjectInfo{Key: aws.ToString(o.Key), ETag: etag(o.ETag), Size: aws.ToInt64(o.Size), LastModified: aws.ToTime(o.LastModified)})
	}
	for _, p := range prefixes {
		all = append(all, ObjectInfo{Key: *p.Prefix})
	}
	return all
}

// etag takes the quotes away, which not every server puts round them everywhere.
func etag(s *string) ETag { return ETag(strings.Trim(aws.ToString(s), `"`)) }
