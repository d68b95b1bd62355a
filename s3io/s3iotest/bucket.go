// Package s3iotest is the contracts of a Bucket and of a Source, as tests that every implementation passes: those of package s3io
// on a bucket in memory, on gofakes3, on versitygw in a process of its own, and on any S3 that the environment names:
// RETRAIN_TEST_S3_BUCKET, _ENDPOINT (none is AWS), _REGION and _PATH_STYLE=true, with the credentials of the AWS chain. There they
// stay below a prefix of their own, and leave nothing.
package s3iotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

// TestBucket tests a bucket; open returns an empty one.
func TestBucket(t *testing.T, open func(t *testing.T) s3io.Bucket) {
	for name, test := range map[string]func(*testing.T, s3io.Bucket){
		"what is put is got":            testRoundTrip,
		"bodies of all sizes":           testSizes,
		"parts of a body":               testRanges,
		"what has not changed":          testChanged,
		"the body is the caller's":      testOwnership,
		"missing":                       testMissing,
		"keys of all kinds":             testKeys,
		"IfAbsent":                      testIfAbsent,
		"IfMatch":                       testIfMatch,
		"32 race for an absent key":     testRace,
		"32 count by compare-and-swap":  testCount,
		"a listing is sorted":           testList,
		"a listing has many pages":      testPages,
		"a listing rolls up":            testRollUp,
		"a prefix is a bucket":          testUnder,
		"a context that ended":          testContext,
		"conditional writes are in use": func(t *testing.T, b s3io.Bucket) { check(t, s3io.Check(t.Context(), b)) },
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// TestMetadata tests what a bucket tells of objects that others have put there with metadata, by put.
func TestMetadata(t *testing.T, b s3io.Bucket, put func(t *testing.T, key, body string, metadata map[string]string)) {
	want := map[string]string{"0": "plain ASCII", "a": "u:a%C3%A7", "_v": "v1", "_map": `{"a":"0|\\"}`, "p-x": "^[q0U,-Q1O]"}
	for body, key := range map[string]string{"": "with metadata/id=1", `{"b":2}`: "with metadata/id=a b"} {
		put(t, key, body, want)
		before := time.Now().Add(-time.Minute)
		for _, bucket := range []s3io.Bucket{b, &s3io.Faulty{Bucket: b}, s3io.Under(b, "with metadata")} {
			k := key
			if _, err := bucket.GetObject(t.Context(), key); errors.Is(err, retrain.NotFoundError) {
				k = strings.TrimPrefix(key, "with metadata/")
			}
			o, err := bucket.GetObject(t.Context(), k)
			check(t, err)
			if string(o.Body) != body || !maps.Equal(o.Metadata, want) || o.ETag == "" {
				t.Errorf("%q: got %q, %q, %q", key, o.Body, o.Metadata, o.ETag)
			}
			if !o.Date.IsZero() && o.Date.Before(before) || o.LastModified.Before(before) {
				t.Errorf("%q: of %v, read at %v", key, o.LastModified, o.Date)
			}
			for l, err := range bucket.List(t.Context(), s3io.Listing{Prefix: k}) {
				check(t, err)
				if l.ETag != o.ETag || l.LastModified.Unix() != o.LastModified.Unix() || l.Size != int64(len(body)) {
					t.Errorf("%q: listed as %+v, is of %v with %s", key, l, o.LastModified, o.ETag)
				}
			}
		}
	}
	_, err := b.GetObject(t.Context(), "with metadata/id=2")
	if !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("got %v, want a NotFoundError", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, code retrain.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("got %v, want a %v", err, code)
	}
}

func put(t *testing.T, b s3io.Bucket, key, body string) s3io.ETag {
	t.Helper()
	e, err := b.Put(t.Context(), key, []byte(body), s3io.Always)
	check(t, err)
	return e
}

func get(t *testing.T, b s3io.Bucket, key string) string {
	t.Helper()
	body, _, err := b.Get(t.Context(), key)
	check(t, err)
	return string(body)
}

func list(t *testing.T, b s3io.Bucket, l s3io.Listing) (keys []string) {
	t.Helper()
	for o, err := range b.List(t.Context(), l) {
		check(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

func testRoundTrip(t *testing.T, b s3io.Bucket) {
	stored := put(t, b, "a/b.json", "one")
	body, e, err := b.Get(t.Context(), "a/b.json")
	check(t, err)
	if string(body) != "one" || e != stored || e == "" {
		t.Errorf("got %q, %q, want \"one\", %q", body, e, stored)
	}
	if other := put(t, b, "a/b.json", "two"); other == stored {
		t.Errorf("another content has the same ETag %q", e)
	}
	if got := get(t, b, "a/b.json"); got != "two" {
		t.Errorf("got %q after it was replaced", got)
	}
	check(t, b.Delete(t.Context(), "a/b.json"))
	_, _, err = b.Get(t.Context(), "a/b.json")
	want(t, err, retrain.NotFoundError)
}

func testChanged(t *testing.T, b s3io.Bucket) {
	for _, bucket := range []s3io.Bucket{b, &s3io.Faulty{Bucket: b}, s3io.Under(b, "a")} {
		first := put(t, bucket, "b.json", "one")
		for _, c := range []struct {
			was  s3io.ETag
			want string
		}{{first, ""}, {"", "one"}, {"0123456789abcdef0123456789abcdef", "one"}} {
			body, e, err := bucket.GetChanged(t.Context(), "b.json", c.was)
			check(t, err)
			if string(body) != c.want || e != first {
				t.Errorf("was %q: got %q, %q, want %q, %q", c.was, body, e, c.want, first)
			}
		}
		second := put(t, bucket, "b.json", "two")
		body, e, err := bucket.GetChanged(t.Context(), "b.json", first)
		check(t, err)
		if string(body) != "two" || e != second {
			t.Errorf("after it was replaced: got %q, %q, want two, %q", body, e, second)
		}
		_, _, err = bucket.GetChanged(t.Context(), "gone.json", first)
		want(t, err, retrain.NotFoundError)
	}
}

func testSizes(t *testing.T, b s3io.Bucket) {
	for _, size := range []int{0, 1, 4096, 1<<20 + 1, 9 << 20} {
		body := bytes.Repeat([]byte("\x00\xffretrain"), size/9+1)[:size]
		key := fmt.Sprint("size/", size)
		_, err := b.Put(t.Context(), key, body, s3io.IfAbsent)
		check(t, err)
		if got := get(t, b, key); got != string(body) {
			t.Errorf("%d bytes: got %d, or others", size, len(got))
		}
		for o, err := range b.List(t.Context(), s3io.Listing{Prefix: key}) {
			check(t, err)
			if o.Key == key && (o.Size != int64(size) || o.LastModified.IsZero()) {
				t.Errorf("%d bytes: listed as %+v", size, o)
			}
		}
	}
}

func testRanges(t *testing.T, b s3io.Bucket) {
	all := put(t, b, "parts", "0123456789")
	for _, c := range []struct {
		offset, n int64
		want      string
	}{{0, 1, "0"}, {0, 10, "0123456789"}, {3, 4, "3456"}, {8, 100, "89"}, {9, 1, "9"}} {
		got, e, err := b.GetRange(t.Context(), "parts", c.offset, c.n)
		check(t, err)
		if string(got) != c.want || e != all {
			t.Errorf("%d bytes from %d: got %q of %q, want %q of %q", c.n, c.offset, got, e, c.want, all)
		}
	}
	for _, c := range [][2]int64{{10, 1}, {11, 5}, {-1, 2}, {0, 0}} {
		_, _, err := b.GetRange(t.Context(), "parts", c[0], c[1])
		want(t, err, retrain.DataValidationError)
	}
	_, _, err := b.GetRange(t.Context(), "nothing/here", 0, 1)
	want(t, err, retrain.NotFoundError)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	_, err = b.Put(t.Context(), "parts-of-more", big, s3io.Always)
	check(t, err)
	got, _, err := b.GetRange(t.Context(), "parts-of-more", 1<<19+3, 1<<18)
	check(t, err)
	if !bytes.Equal(got, big[1<<19+3:][:1<<18]) {
		t.Error("a part out of the middle is another")
	}
}

func testOwnership(t *testing.T, b s3io.Bucket) {
	body := []byte("mine")
	_, err := b.Put(t.Context(), "k", body, s3io.Always)
	check(t, err)
	body[0] = 'x'
	got, _, err := b.Get(t.Context(), "k")
	check(t, err)
	got[0] = 'y'
	if got := get(t, b, "k"); got != "mine" {
		t.Errorf("got %q: the bucket shares memory with its callers", got)
	}
}

func testMissing(t *testing.T, b s3io.Bucket) {
	_, _, err := b.Get(t.Context(), "nothing/here")
	want(t, err, retrain.NotFoundError)
	check(t, b.Delete(t.Context(), "nothing/here"))
	_, err = b.Put(t.Context(), "nothing/here", nil, s3io.IfMatch("0123456789abcdef0123456789abcdef"))
	want(t, err, retrain.ConflictError)
	if keys := list(t, b, s3io.Listing{Prefix: "nothing/"}); len(keys) != 0 {
		t.Errorf("listed %q", keys)
	}
}

func testKeys(t *testing.T, b s3io.Bucket) {
	keys := []string{"plain", "with space", "ünïcode/ελληνικά", "plus+and%20percent%2F", "a=b&c=d?e#f", "quo'te(s)!*", "~tilde@at:colon,comma;", "r/%2E%2E/x", "emoji/🦉"}
	for _, key := range keys {
		put(t, b, "keys/"+key, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if got := get(t, b, "keys/"+key); got != key {
			t.Errorf("%q: got %q", key, got)
		}
	}
	got := list(t, b, s3io.Listing{Prefix: "keys/"})
	for i := range keys {
		keys[i] = "keys/" + keys[i]
	}
	if !slices.Equal(got, keys) {
		t.Errorf("listed %q, want %q", got, keys)
	}
}

func testIfAbsent(t *testing.T, b s3io.Bucket) {
	_, err := b.Put(t.Context(), "once", []byte("first"), s3io.IfAbsent)
	check(t, err)
	for range 2 {
		_, err = b.Put(t.Context(), "once", []byte("second"), s3io.IfAbsent)
		want(t, err, retrain.ConflictError)
	}
	if got := get(t, b, "once"); got != "first" {
		t.Errorf("got %q", got)
	}
	check(t, b.Delete(t.Context(), "once"))
	_, err = b.Put(t.Context(), "once", []byte("again"), s3io.IfAbsent)
	check(t, err)
}

func testIfMatch(t *testing.T, b s3io.Bucket) {
	first := put(t, b, "swap", "1")
	second, err := b.Put(t.Context(), "swap", []byte("2"), s3io.IfMatch(first))
	check(t, err)
	_, err = b.Put(t.Context(), "swap", []byte("3"), s3io.IfMatch(first))
	want(t, err, retrain.ConflictError)
	if got := get(t, b, "swap"); got != "2" {
		t.Errorf("got %q", got)
	}
	for o, err := range b.List(t.Context(), s3io.Listing{Prefix: "swap"}) {
		check(t, err)
		_, err = b.Put(t.Context(), "swap", []byte("4"), s3io.IfMatch(o.ETag))
		check(t, err)
		if o.ETag != second {
			t.Errorf("listed with ETag %q, was put with %q", o.ETag, second)
		}
	}
}

const racers = 32

func race(t *testing.T, do func(i int) error) {
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			if err := do(i); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func testRace(t *testing.T, b s3io.Bucket) {
	for round := range 3 {
		key := fmt.Sprint("race/", round)
		var winners atomic.Int32
		winner := ""
		race(t, func(i int) error {
			_, err := b.Put(t.Context(), key, fmt.Append(nil, i), s3io.IfAbsent)
			if err == nil && winners.Add(1) == 1 {
				winner = strconv.Itoa(i)
			} else if errors.Is(err, retrain.ConflictError) {
				return nil
			}
			return err
		})
		if got := get(t, b, key); winners.Load() != 1 || got != winner {
			t.Errorf("%d winners, the last %q; stored is %q", winners.Load(), winner, got)
		}
	}
}

func testCount(t *testing.T, b s3io.Bucket) {
	put(t, b, "count", "x")
	race(t, func(int) error {
		for {
			body, e, err := b.Get(t.Context(), "count")
			if err != nil {
				return err
			}
			_, err = b.Put(t.Context(), "count", append(body, 'x'), s3io.IfMatch(e))
			if !errors.Is(err, retrain.ConflictError) {
				return err
			}
		}
	})
	if got := len(get(t, b, "count")); got != racers+1 {
		t.Errorf("counted %d, want %d", got-1, racers)
	}
}

// testList has no key that is a folder of others: servers over a file system cannot store both.
func testList(t *testing.T, b s3io.Bucket) {
	keys := []string{"l/a-b", "l/a/1", "l/a/10", "l/a/2", "l/a0", "l/b", "m/1"}
	for _, i := range []int{3, 0, 6, 5, 1, 4, 2} {
		put(t, b, keys[i], "")
	}
	for _, c := range []struct {
		l    s3io.Listing
		want []string
	}{
		{s3io.Listing{}, keys},
		{s3io.Listing{Prefix: "l/"}, keys[:6]},
		{s3io.Listing{Prefix: "l/a"}, keys[:5]},
		{s3io.Listing{Prefix: "l/a/"}, keys[1:4]},
		{s3io.Listing{Prefix: "l/", After: "l/a/10"}, keys[3:6]},
		{s3io.Listing{Prefix: "l/", After: "l/b"}, nil},
		{s3io.Listing{Prefix: "n/"}, nil},
	} {
		if got := list(t, b, c.l); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.l, got, c.want)
		}
	}
}

func testPages(t *testing.T, b s3io.Bucket) {
	const n, folder = 1205, "pages/" // a page of a listing is 1000 keys at most
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(folder+"%06d", i)
	}
	race(t, func(racer int) error {
		for i := racer; i < n; i += racers {
			if _, err := b.Put(t.Context(), keys[i], nil, s3io.Always); err != nil {
				return err
			}
		}
		return nil
	})
	if got := list(t, b, s3io.Listing{Prefix: folder}); !slices.Equal(got, keys) {
		t.Errorf("got %d keys, want %d", len(got), n)
	}
	if got := list(t, b, s3io.Listing{Prefix: folder, After: keys[99]}); !slices.Equal(got, keys[100:]) {
		t.Errorf("after the hundredth: got %d keys, want %d", len(got), n-100)
	}
	for o, err := range b.List(t.Context(), s3io.Listing{Prefix: folder}) { // whoever has enough stops
		check(t, err)
		if o.Key != keys[0] {
			t.Errorf("got %q first", o.Key)
		}
		break
	}
}

func testRollUp(t *testing.T, b s3io.Bucket) {
	for _, key := range []string{"v/1/a", "v/1/b", "v/10/a", "v/2/x/y", "v/file", "w/1/a"} {
		put(t, b, key, "")
	}
	got := list(t, b, s3io.Listing{Prefix: "v/", Delimiter: "/"})
	if want := []string{"v/1/", "v/10/", "v/2/", "v/file"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testUnder(t *testing.T, b s3io.Bucket) {
	for _, prefix := range []string{"", "a", "a/b", "/a/c/"} {
		u := s3io.Under(b, prefix)
		put(t, u, "x/1", prefix)
		put(t, u, "x/2", prefix)
		if got := get(t, u, "x/1"); got != prefix {
			t.Errorf("%q: got %q", prefix, got)
		}
		if got := list(t, u, s3io.Listing{Prefix: "x/", After: "x/1"}); !slices.Equal(got, []string{"x/2"}) {
			t.Errorf("%q: listed %q", prefix, got)
		}
	}
	if got, want := list(t, b, s3io.Listing{Prefix: "a/"}), []string{"a/b/x/1", "a/b/x/2", "a/c/x/1", "a/c/x/2", "a/x/1", "a/x/2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testContext(t *testing.T, b s3io.Bucket) {
	put(t, b, "k", "v")
	gone := errors.New("the caller has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, _, getErr := b.Get(ctx, "k")
	_, putErr := b.Put(ctx, "k", nil, s3io.Always)
	errs := []error{getErr, putErr, b.Delete(ctx, "k")}
	for _, err := range b.List(ctx, s3io.Listing{}) {
		errs = append(errs, err)
	}
	for i, err := range errs {
		if !errors.Is(err, gone) && !errors.Is(err, context.Canceled) || errors.Is(err, retrain.UnavailableError) {
			t.Errorf("call %d: got %v", i, err)
		}
	}
	if got := get(t, b, "k"); got != "v" {
		t.Errorf("got %q", got)
	}
}
