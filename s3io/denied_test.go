package s3io_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// What the server refuses, for one object of many, is an error that names the object and says what to do; nothing is read as if
// the object did not exist.
func TestSourcesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		code   string
		hint   string
	}{
		{"access denied", http.StatusForbidden, "AccessDenied", "these credentials may not do this"},
		{"another region", http.StatusMovedPermanently, "PermanentRedirect", "set s3.region: eu-west-1"},
	} {
		refused := ""
		cfg := through(t, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
			if r.Method != http.MethodGet || refused == "" || !strings.Contains(r.URL.Path+"?"+r.URL.RawQuery, refused) {
				pass.ServeHTTP(w, r)
				return
			}
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
			w.WriteHeader(c.status)
			io.WriteString(w, "<Error><Code>"+c.code+"</Code><Message>so it is</Message></Error>")
		})
		b := open(t, cfg)
		p := place{b, func(t testing.TB, key, body string, metadata map[string]string) {
			t.Helper()
			putAsOthers(t, clientOf(t, cfg), cfg.Bucket, key, body, metadata)
		}}
		for source, w := range map[string]struct {
			world  func() retrain.Source
			r      retrain.Resource
			refuse string
		}{
			"files":     {func() retrain.Source { return filesOver(t, p) }, filesResource("lake/", ""), "lake/0002.csv"},
			"s3db":      {func() retrain.Source { return databaseOver(t, p) }, retrain.Resource{Name: "products", Source: "s3db", S3DB: &retrain.S3DBSource{Prefix: "databases/app"}}, "id=r2"},
			"native":    {func() retrain.Source { return nativeOver(t, p) }, retrain.Resource{Name: "products"}, "log/b2.jsonl.zst"},
			"a listing": {func() retrain.Source { return filesOver(t, p) }, filesResource("lake/", ""), "list-type=2"},
		} {
			refused = ""
			s := w.world()
			refused = w.refuse
			d, err := s.Snapshot(t.Context(), w.r, nil)
			if err == nil {
				_, err = readDataset(t, s, d)
			}
			e, ok := errors.AsType[*retrain.Error](err)
			if !ok || e.Code != retrain.UnavailableError || !strings.Contains(e.Hint, c.hint) || !strings.Contains(err.Error(), c.code) {
				t.Errorf("%s, %s: got %v (%+v)", source, c.name, err, e)
			} else if source != "a listing" && !strings.Contains(err.Error(), w.refuse) {
				t.Errorf("%s, %s: %v does not name %s", source, c.name, err, w.refuse)
			}
		}
	}
}

func filesOver(t *testing.T, p place) retrain.Source {
	for _, key := range []string{"lake/0001.csv", "lake/0002.csv"} {
		p.put(t, key, "a,b\n1,2\n", nil)
	}
	return &s3io.Files{Open: func(context.Context, string) (s3io.Bucket, error) { return p.Bucket, nil }}
}

func databaseOver(t *testing.T, p place) retrain.Source {
	w := s3db13(t, p)
	for _, id := range []string{"r1", "r2"} {
		w.Write(&retrain.Record{"id": id, "n": 1.})
	}
	return w.Open(p.Bucket)
}

func nativeOver(t *testing.T, p place) retrain.Source {
	log := &s3io.Records{Bucket: p.Bucket}
	for _, id := range []string{"b1", "b2"} {
		if _, err := log.Append(t.Context(), retrain.Batch{ID: id, Resource: "products", At: begin, Records: []retrain.Record{{"n": 1.}}}); err != nil {
			t.Fatal(err)
		}
	}
	return log
}
