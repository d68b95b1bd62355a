package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
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
