package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/httpapi"
)

// Whatever is sent, the answer is JSON and never our fault.
func fuzz(f *testing.F, paths []string, bodies []string) {
	f.Helper()
	for _, body := range bodies {
		for i := range paths {
			f.Add(i, body)
		}
	}
	h := predictions(shop{ready: true})
	f.Fuzz(func(t *testing.T, i int, body string) {
		r := send(h, http.MethodPost, paths[uint(i)%uint(len(paths))], body)
		got, _ := io.ReadAll(r.Body)
		if r.StatusCode >= http.StatusInternalServerError || !json.Valid(got) {
			t.Errorf("got %d %s", r.StatusCode, got)
		}
	})
}

func FuzzPredict(f *testing.F) {
	fuzz(f, []string{
		"/v1/models/price:predict", "/v1/models/iris:predict?details=true", "/v1/models/sales:predict", "/v1/models/pair:predict",
		"/v1/models/iris/versions/5:predict",
	}, []string{
		`{"instances":[{"cost":1}]}`, `{"instances":null}`, `{"instances":[null]}`, `{"instances":[{"cost":-1e308}]}`, "\xff", `{"instances":[{"cost":{"a":[]}}]}`,
		`{"signature_name":"serving_default","instances":[[1,"red",true,0]]}`, `{"inputs":{"sold":[[1,2]],"day":[[1],[2]]}}`, `{"inputs":[[1]]}`,
		`{"instances":[{"sold":[1,2]},{"sold":3}]}`, `{"instances":[{"colour":{"b64":"cmVk"}}]}`, `{"inputs":{"b64":"/w=="}}`,
		`{"inputs":{"width":[[1]],"height":[]}}`, `{"instances":[{"cost":NaN,"a":"\\"NaN"}]}`, `{"instances":[[[1,2],[3,4]],[[]]]}`,
	})
}

func FuzzExamples(f *testing.F) {
	fuzz(f, []string{"/v1/models/price:regress", "/v1/models/iris:classify"}, []string{
		`{"examples":[{"cost":1}]}`, `{"context":{"cost":[1]},"examples":[{"colour":"red"}]}`, `{"examples":null}`, `{"examples":[{"cost":[[1]]}]}`,
		`{"context":null,"examples":[{"cost":{"b64":"/w=="}}],"signature_name":""}`,
	})
}

func FuzzForecast(f *testing.F) {
	fuzz(f, []string{"/v1/models/sales:forecast", "/v1/models/price:forecast?details=true"}, []string{
		`{"steps":1}`, `{"steps":1e9}`, `{"steps":2,"history":[{"sold":1},{"sold":2}]}`, `{"steps":1,"history":[null]}`, `{"history":{}}`,
	})
}

func FuzzIndex(f *testing.F) {
	fuzz(f, []string{"/v2/repository/index", "/v2/repository/models/price/load", "/v2/repository/models/price/unload"}, []string{`{"ready":true}`, `[]`, ``})
}

func FuzzInfer(f *testing.F) {
	paths := []string{"/v2/models/price/infer", "/v2/models/iris/infer", "/v2/models/sales/infer", "/v2/models/pair/versions/7/infer"}
	for _, body := range []string{
		`{"inputs":[{"name":"cost","shape":[2],"datatype":"FP64","data":[1.5,2]}]}`,
		`{"inputs":[{"name":"x","shape":[1,4],"datatype":"BYTES","data":[["1","red","true","0"]]}],"outputs":[{"name":"probabilities","parameters":{"binary_data":true}}]}`,
		`{"inputs":[{"name":"sold","shape":[1,2],"datatype":"INT64","data":[[1,2]]}],"parameters":{"binary_data_output":true}}`,
		`{"inputs":[{"name":"cost","shape":[0],"datatype":"FP16","data":[]}]}`, `{"inputs":[{"name":"cost","shape":[],"datatype":"BOOL","data":[]}]}`,
	} {
		f.Add(0, body, "", len(body))
	}
	in := `{"inputs":[{"name":"cost","shape":[1],"datatype":"INT16","parameters":{"binary_data_size":2}}]}`
	f.Add(0, in, "\x01\x00", len(in))
	f.Add(1, `{"inputs":[{"name":"colour","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":7}}]}`, "\x03\x00\x00\x00red", 93)
	h := predictions(shop{ready: true})
	f.Fuzz(func(t *testing.T, i int, text, tensors string, length int) {
		r := httptest.NewRequest(http.MethodPost, paths[uint(i)%uint(len(paths))], strings.NewReader(text+tensors))
		r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(length))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Body.Bytes()
		if n, err := strconv.Atoi(w.Header().Get("Inference-Header-Content-Length")); err == nil {
			got = got[:n]
		}
		if w.Code >= http.StatusInternalServerError || !json.Valid(got) {
			t.Errorf("got %d %s", w.Code, got)
		}
	})
}

// FuzzUnpacked reads bodies of any encoding without harm, and never more of them than it may.
func FuzzUnpacked(f *testing.F) {
	encodings := []string{"", "gzip", "zstd", "deflate", "identity", "br"}
	for i := range encodings {
		f.Add(i, []byte("x"))
		f.Add(i, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
		f.Add(i, []byte("\x28\xb5\x2f\xfd\x04\x00\x09\x00\x00[]"))
	}
	const most = 1000
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Encoding", encodings[uint(i)%uint(len(encodings))])
		got, err := httpapi.Unpacked(httptest.NewRecorder(), r, most)
		if len(got) > most || err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

// FuzzPartition reads a partition of the query.
func FuzzPartition(f *testing.F) {
	f.Add("byCategory", "category=electronics")
	f.Add("", "x")
	f.Add("byCategory", "=,=,category")
	r := &retrain.Resource{Name: "products", Partitions: map[string][]string{"byCategory": {"category"}}}
	f.Fuzz(func(t *testing.T, name, values string) {
		p, err := httpapi.PartitionOf(r, name, values)
		if err == nil && p != nil && p.Values["category"] == nil {
			t.Errorf("got %+v", p)
		}
	})
}

// Whatever is sent to whichever operation, it is never our fault, and what is wrong is a problem.
func TestNothingThatIsSentIsOurFault(t *testing.T) {
	server := control(t)
	bodies := []string{``, `{`, `null`, `[]`, `[null]`, `{"version":-1}`, `{"version":1e99}`, `{"steps":99999}`, `"x"`, `{"name":"x","role":"none"}`, `{"instances":[{}]}`,
		`{"models":{"x":{"map":{"a":"1/"}}}}`, `{"type":"regression","resource":"products","features":["\u0000"],"target":"y","filter":"("}`, "\xff\xfe", strings.Repeat("[", 20_000)}
	values := strings.NewReplacer("{resource}", "products", "{model}", "price", "{run}", "price-1", "{version}", "1", "{id}", "%00%ff", "{key}", "..%2f..")
	for _, o := range new(httpapi.Control).Operations() {
		if o.As == "text/event-stream" {
			continue
		}
		for i, body := range bodies {
			if o.Takes == nil && i > 0 {
				break
			}
			for _, path := range []string{values.Replace(o.Path), regexp.MustCompile(`\{\w+\}`).ReplaceAllString(o.Path, "%20%3a..%f0-9")} {
				status, text := call(t, o.Method, server.URL+path+"?limit=-1&version=x&at=never&values=a&dryRun=2", body)
				if status >= http.StatusInternalServerError || status >= http.StatusBadRequest && !strings.Contains(text, `"code"`) {
					t.Errorf("%s %s %.60s: got %d %s", o.Method, path, body, status, text)
				}
			}
		}
	}
}
