package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
)

// fetched returns what is answered to who takes this encoding and has these files; got is nil where it has them still.
func fetched(t *testing.T, url, encoding, has string) (got []byte, head http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", encoding)
	r.Header.Set("If-None-Match", has)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotModified {
		return nil, answer.Header
	}
	got, err = io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, answer.StatusCode, err)
	}
	return got, answer.Header
}

// Files of pages come compressed, and not at all to a browser that has them.
func TestFilesOfPages(t *testing.T) {
	server := control(t)
	for _, path := range []string{"/", "/page/model.js", "/page/style.css", "/docs/try.js", "/openapi.json"} {
		plain, head := fetched(t, server.URL+path, "identity", "")
		packed, packedHead := fetched(t, server.URL+path, "gzip", "")
		if got := packedHead.Get("Content-Encoding"); got != "gzip" || len(packed) > len(plain)*6/10 {
			t.Errorf("%s: got %d bytes of %d, encoded %q", path, len(packed), len(plain), got)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: compressed it is something else: %v", path, err)
		}
		if path == "/openapi.json" { // which is made for each who asks
			continue
		}
		if got, want := packedHead.Get("ETag"), head.Get("ETag"); got != want || got == "" {
			t.Errorf("%s: got the tag %q, want %q", path, got, want)
		}
		for _, encoding := range []string{"identity", "gzip"} {
			if got, _ := fetched(t, server.URL+path, encoding, head.Get("ETag")); got != nil {
				t.Errorf("%s, %s: %d bytes are sent again", path, encoding, len(got))
			}
			if got, _ := fetched(t, server.URL+path, encoding, `W/"another"`); got == nil {
				t.Errorf("%s, %s: another program's file is taken for ours", path, encoding)
			}
		}
	}
}
