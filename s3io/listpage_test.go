package s3io_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"retrain/s3io"
)

const pageHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// pages are what servers say, and what they might.
var pages = []string{
	pageHead + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>` +
		`<IsTruncated>false</IsTruncated><Contents><LastModified>2026-11-23T21:34:24Z</LastModified><ETag>&#34;d41d8&#34;</ETag><Key>a&amp;b &#x2F; ü&lt;</Key><Size>12</Size>` +
		`<StorageClass>STANDARD</StorageClass></Contents><Contents><Key>b</Key><LastModified>2026-11-23T21:34:24.123Z</LastModified><ETag>&quot;x-1&quot;</ETag><Size>0</Size>` +
		`<Owner><ID>1</ID><DisplayName>o</DisplayName></Owner></Contents><EncodingType></EncodingType></ListBucketResult>`,
	`<ListBucketResult><IsTruncated>false</IsTruncated><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes><Contents><Key>a</Key></Contents><Contents><Key>c</Key></Contents></ListBucketResult>`,
	"<ListBucketResult>\n  <Contents>\n    <Key>a</Key>\n    <Size>1</Size>\n  </Contents>\n</ListBucketResult>\n",
	`<ListBucketResult><Contents><Key> a </Key></Contents><Contents><Key>b&#13;&#10;</Key></Contents></ListBucketResult>`,
	`<ListBucketResult><Contents><Key><![CDATA[a<b]]></Key></Contents></ListBucketResult>`,
	`<ListBucketResult><!-- x --><Contents><Key>a<!-- y -->b</Key><Owner/></Contents></ListBucketResult>`,
	`<ListBucketResult><contents><KEY>a</KEY><key>b</key></contents></ListBucketResult>`,
	`<ListBucketResult><Contents><Key>a</Key><Size>x</Size></Contents></ListBucketResult>`,
	`<ListBucketResult><Contents><Key>a</Key></Contents>`,
	`<ListBucketResult><Contents><Key>a</Contents></ListBucketResult>`,
	`<ListBucketResult><Contents><Key>` + "a\xff" + `</Key></Contents></ListBucketResult>`,
	`<ListBucketResult xmlns:x="y"><x:Contents><x:Key>a</x:Key></x:Contents></ListBucketResult>`,
	`<ListBucketResult></ListBucketResult><Contents><Key>a</Key></Contents>`,
	`<Error><Code>SlowDown</Code></Error>`, ``, `<`, `<?xml `,
}

// FuzzListPage reads any page as the SDK does.
func FuzzListPage(f *testing.F) {
	var page atomic.Value
	page.Store("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continuation-token") != "" {
			_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
			return
		}
		_, _ = io.WriteString(w, page.Load().(string))
	}))
	f.Cleanup(server.Close)
	client := s3.New(s3.Options{BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")})
	bucket, err := s3io.Open(f.Context(), s3io.Config{Bucket: "b", Endpoint: server.URL, Region: "us-east-1", PathStyle: true, AccessKeyID: "id", SecretAccessKey: "secret"})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range pages {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		page.Store(body)
		out, wantErr := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
		var got, want []string
		var gotErr error
		for o, err := range bucket.List(t.Context(), s3io.Listing{}) {
			if gotErr = err; err == nil {
				got = append(got, fmt.Sprintf("%q %q %d %v", o.Key, o.ETag, o.Size, o.LastModified.UnixNano()))
			}
		}
		if (gotErr != nil) != (wantErr != nil) {
			t.Fatalf("got %v, the SDK %v", gotErr, wantErr)
		}
		if wantErr != nil {
			return
		}
		for _, o := range out.Contents {
			want = append(want, fmt.Sprintf("%q %q %d %v", aws.ToString(o.Key), strings.Trim(aws.ToString(o.ETag), `"`), aws.ToInt64(o.Size), aws.ToTime(o.LastModified).UnixNano()))
		}
		for _, p := range out.CommonPrefixes {
			want = append(want, fmt.Sprintf("%q %q %d %v", aws.ToString(p.Prefix), "", 0, time.Time{}.UnixNano()))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q, the SDK %q", got, want)
		}
	})
}

// A page that breaks off is asked for again.
func TestBrokenPage(t *testing.T) {
	var lists atomic.Int32
	b := open(t, through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		if r.Method == http.MethodGet && r.URL.Query().Has("list-type") && lists.Add(1) < 3 {
			whole := httptest.NewRecorder()
			pass.ServeHTTP(whole, r)
			w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
			_, _ = io.CopyN(w, whole.Body, int64(whole.Body.Len()/2))
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	}))
	for _, key := range []string{"a", "b"} {
		if _, err := b.Put(t.Context(), key, []byte(key), s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	got := keysOf(t, b, s3io.Listing{})
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Keys of any text come back from a real server, page by page, however few are asked for at once.
func TestListKeysOfAnyText(t *testing.T) {
	b := open(t, gateway(t))
	want := []string{"k/a b", "k/a&b", "k/a<b>", `k/a"b'`, "k/ü日本🚀", "k/a]]>b", "k/%41", "k/+"}
	for _, key := range want {
		if _, err := b.Put(t.Context(), key, nil, s3io.Always); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	for _, page := range []int{0, 1, 3} {
		if got := keysOf(t, b, s3io.Listing{Prefix: "k/", Page: page}); !slices.Equal(got, want) {
			t.Errorf("by pages of %d: got %q, want %q", page, got, want)
		}
	}
}

func keysOf(t *testing.T, b s3io.Bucket, l s3io.Listing) (keys []string) {
	t.Helper()
	for o, err := range b.List(t.Context(), l) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	return keys
}
