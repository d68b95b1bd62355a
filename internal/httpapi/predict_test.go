package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"retrain"
	"retrain/internal/httpapi"
)

func send(h http.Handler, method, path, body string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Result()
}

// hold sends what the dialogues say, and looks at the answers: each is JSON, and names its version where there is one.
func hold(t *testing.T, dialogues []dialogue) {
	t.Helper()
	h := predictions(shop{ready: true})
	for _, d := range dialogues {
		t.Run(d.name, func(t *testing.T) {
			method := http.MethodPost
			if d.body == "" {
				method = http.MethodGet
			}
			r := send(h, method, d.path, d.body)
			b, _ := io.ReadAll(r.Body)
			got := strings.TrimSpace(string(b))
			if r.StatusCode != d.status || !strings.Contains(got, d.want) || exact(d.want) && got != d.want {
				t.Errorf("got %d %s\nwant %d %s", r.StatusCode, got, d.status, d.want)
			}
			if version := r.Header.Get("X-Model-Version"); r.StatusCode == http.StatusOK && version != "7" && version != "5" {
				t.Errorf("X-Model-Version: got %q", version)
			}
			if !json.Valid(b) {
				t.Errorf("got no JSON: %s", b)
			}
		})
	}
}

func TestRecordsByName(t *testing.T) {
	const price = "/v1/models/price:predict"
	hold(t, []dialogue{
		{"one", price, `{"instances":[{"cost":1.5}]}`, 200, `{"predictions":[3]}`},
		{"in their order", price, `{"instances":[{"cost":1},{"cost":2}]}`, 200, `{"predictions":[2,4]}`},
		{"what is not read does not matter", price, `{"instances":[{"cost":1,"id":"a","tags":["x"],"b":{"c":null}}],"parameters":{}}`, 200, `{"predictions":[2]}`},
		{"none", price, `{"instances":[]}`, 200, `{"predictions":[]}`},
		{"classes", "/v1/models/iris:predict", `{"instances":[{"colour":"red","found":"2026-03-01"},{"wild":true}]}`, 200, `{"predictions":["tulip","rose"]}`},
		{"the latest of a series", "/v1/models/sales:predict", `{"instances":[{"sold":1},{"sold":2},{"sold":3}]}`, 200, `{"predictions":[3,5]}`},
		{"details", price + "?details=true", `{"instances":[{"cost":1}]}`, 200, `{"predictions":[{"prediction":2,"interval":[1,3]}],"version":7}`},
		{"some details", "/v1/models/iris:predict?details=confidence", `{"instances":[{}]}`, 200, `{"predictions":[{"prediction":"rose","confidence":0.75}],"version":7}`},
		{"no details", price + "?details=false", `{"instances":[{"cost":1}]}`, 200, `{"predictions":[2]}`},
		{"unknown details", price + "?details=colour", `{"instances":[{"cost":1}]}`, 400, `there is no \"colour\"`},
		{"a version", "/v1/models/price/versions/5:predict?details=true", `{"instances":[{"cost":1}]}`, 200, `"version":5}`},
		{"a label", "/v1/models/price/labels/previous:predict?details=true", `{"instances":[{"cost":1}]}`, 200, `"version":5}`},
		{"a version by option", price + "?details=true&version=5", `{"instances":[{"cost":1}]}`, 200, `"version":5}`},
		{"a label by option", price + "?details=true&label=previous", `{"instances":[{"cost":1}]}`, 200, `"version":5}`},
		{"both", price + "?version=5&label=previous", `{"instances":[{"cost":1}]}`, 400, `both a version and a label`},
		{"a feature is missing", price, `{"instances":[{}]}`, 400, `{"error":"Missing features: cost","code":"DataValidationError"}`},
		{"no JSON", price, `cost=1`, 400, `DataValidationError`},
		{"half a JSON", price, `{"instances":[{"cost":`, 400, `DataValidationError`},
		{"a list", price, `[{"cost":1}]`, 400, `it is a list`},
		{"NaN is missing", price, `{"instances":[{"cost":NaN}]}`, 400, `Missing features: cost`},
		{"NaN in a text is text", "/v1/models/iris:predict", `{"instances":[{"colour":"red","length":NaN,"id":"NaN \" NaN"}]}`, 200, `{"predictions":["tulip"]}`},
		{"NaN outside of values", price, `{"instances":[{NaN:1}]}`, 400, `cannot be read`},
		{"a number that JSON does not have", price, `{"instances":[{"cost":-Infinity}]}`, 400, `no prediction comes of Infinity`},
		{"a number that is too large", price, `{"instances":[{"cost":1e400}]}`, 400, `/instances/0/cost is the number 1e400`},
		{"a name twice", price, `{"instances":[{"cost":1,"cost":2}]}`, 400, `duplicate`},
		{"null", price, `{"instances":[null]}`, 400, `instance 1`},
		{"no instances", price, `{}`, 400, `has no \"instances\"`},
		{"too large an answer", price, `{"instances":[{"cost":1e308}]}`, 400, `no finite number`},
		{"too wide an interval", price, `{"instances":[{"cost":-1e10}]}`, 400, `no finite number`},
		{"too large a request", price, strings.Repeat(" ", 1001), 413, `too large`},
		{"too many records", price, `{"instances":[{}` + strings.Repeat(`,{}`, 50) + `]}`, 413, `51 records, it may have 50`},
		{"an untrained model", "/v1/models/new:predict", `{"instances":[]}`, 409, `ModelNotTrainedError`},
		{"our own fault", "/v1/models/broken:predict", `{"instances":[]}`, 500, `"internal error"`},
		{"another verb", "/v1/models/price:explain", `{}`, 404, `NotFoundError`},
		{"no verb", "/v1/models/price", `{}`, 405, `use GET`},
		{"another method", price, "", 405, `use POST`},
		{"another path", "/v3", `{}`, 404, `NotFoundError`},
	})
}

func TestTensorFlowServing(t *testing.T) {
	const price, iris = "/v1/models/price:predict", "/v1/models/iris:predict"
	const both = `"prediction":["tulip","rose"],"probabilities":[[0.25,0.75],[0.75,0.25]]`
	hold(t, []dialogue{
		{"rows of the only input", price, `{"instances":[1.0,2.0]}`, 200, `{"predictions":[2,4]}`},
		{"rows that are lists", price, `{"instances":[[1.0],[2.0]]}`, 200, `{"predictions":[2,4]}`},
		{"rows by position", iris, `{"instances":[[5,"red",true,0],[4,"blue",false,"2026-01"]]}`, 200, `{"predictions":["tulip","rose"]}`},
		{"a row that is too short", iris, `{"instances":[[5]]}`, 400, `instance 1 has 1 values, model \"iris\" reads 4`},
		{"a row in a row", iris, `{"instances":[[5,"red",true,[0]]]}`, 400, `instance 1: found is a list`},
		{"all outputs", iris, `{"signature_name":"serving_default","instances":[{"colour":"red"}]}`, 200, `{"predictions":[{"prediction":"tulip","probabilities":[0.25,0.75]}]}`},
		{"the only output", price, `{"signature_name":"serving_default","instances":[{"cost":1}]}`, 200, `{"predictions":[2]}`},
		{"several targets", "/v1/models/pair:predict", `{"instances":[{"width":1,"height":2}]}`, 200, `{"predictions":[[1,2]]}`},
		{"another signature", price, `{"signature_name":"encoded","instances":[{"cost":1}]}`, 400, `not found in signature def`},
		{"columns", iris, `{"inputs":{"colour":["red","blue"],"length":[1,2]}}`, 200, `{"outputs":{` + both + `}}`},
		{"columns of columns", iris, `{"inputs":{"colour":[["red"],["blue"]]}}`, 200, `{"outputs":{` + both + `}}`},
		{"a column without a name", price, `{"inputs":[1,2]}`, 200, `{"outputs":[2,4]}`},
		{"a column of one output", price, `{"inputs":{"cost":[1,2]}}`, 200, `{"outputs":[2,4]}`},
		{"what map is made of", "/v1/models/pair:predict", `{"inputs":{"width":[1],"height":[2]}}`, 200, `{"outputs":[[1,2]]}`},
		{"columns of different lengths", iris, `{"inputs":{"colour":["red"],"length":[1,2]}}`, 400, `has 2 values, \"colour\" has 1`},
		{"a column that nothing reads", price, `{"inputs":{"cost":[1],"kost":[2]}}`, 400, `no input \"kost\"`},
		{"no column", price, `{"inputs":{"cost":1}}`, 400, `is no list`},
		{"neither object nor list", price, `{"inputs":"cost"}`, 400, `neither an object nor a list`},
		{"both formats", price, `{"inputs":[1],"instances":[1]}`, 400, `both`},
		{"bytes", iris, `{"instances":[{"colour":{"b64":"cmVk"}}]}`, 200, `{"predictions":["tulip"]}`},
		{"bytes that are none", iris, `{"instances":[{"colour":{"b64":"%"}}]}`, 400, `is not base64`},
		{"windows by name", "/v1/models/sales:predict", `{"instances":[{"day":[1,2],"sold":[3,4]},{"day":[5,6],"sold":[7,8]}]}`, 200, `{"predictions":[7,15]}`},
		{"windows by position", "/v1/models/sales:predict", `{"instances":[[[1,3],[2,4]]]}`, 200, `{"predictions":[7]}`},
		{"windows by column", "/v1/models/sales:predict", `{"inputs":{"day":[[1,2],[5,6]],"sold":[[3,4],[7,8]]}}`, 200, `{"outputs":[7,15]}`},
		{"a window that is too long", "/v1/models/sales:predict", `{"instances":[{"sold":[1,2,3]}]}`, 400, `has 3 steps, a window of model \"sales\" has 2`},
		{"windows among records", "/v1/models/sales:predict", `{"instances":[{"sold":[1,2]},{"sold":3}]}`, 400, `some instances are windows`},
		{"records among windows", "/v1/models/sales:predict", `{"instances":[{"sold":1},{"sold":[1,2]}]}`, 400, `some instances are windows`},
		{"an unknown model", "/v1/models/half:predict", `{"instances":[1]}`, 404, `{"error":"Servable not found for request: Latest(half)"`},
		{"an unknown version", "/v1/models/price/versions/3:predict", `{"instances":[1]}`, 404, `{"error":"Servable not found for request: Specific(price, 3)"`},
		{"a version that is no number", "/v1/models/price/versions/x:predict", `{"instances":[1]}`, 400, `is not a number`},
		{"regress", "/v1/models/price:regress", `{"examples":[{"cost":1},{"cost":[2]}]}`, 200, `{"results":[2,4]}`},
		{"regress by a version", "/v1/models/price/versions/5:regress", `{"signature_name":"tensorflow/serving/regress","examples":[{"cost":1}]}`, 200, `{"results":[2]}`},
		{"classify", "/v1/models/iris:classify", `{"context":{"colour":"red"},"examples":[{"length":1}]}`, 200, `{"results":[[["rose",0.25],["tulip",0.75]]]}`},
		{"classify what is no class", "/v1/models/price:classify", `{"examples":[{"cost":1}]}`, 400, `predicts a number`},
		{"regress what is no number", "/v1/models/iris:regress", `{"examples":[{}]}`, 400, `predicts a class`},
		{"regress a series", "/v1/models/sales:regress", `{"examples":[{}]}`, 400, `predicts a time series`},
		{"a feature here and there", "/v1/models/iris:classify", `{"context":{"colour":"red"},"examples":[{"colour":"blue"}]}`, 400, `is in the context, too`},
		{"several values", "/v1/models/price:regress", `{"examples":[{"cost":[1,2]}]}`, 400, `is a list of 2 values`},
		{"no examples", "/v1/models/price:regress", `{"instances":[1]}`, 400, `has no \"examples\"`},
		{"null for an example", "/v1/models/price:regress", `{"examples":[null]}`, 400, `example 1 is null`},
		{"the status of a version", "/v1/models/price/versions/5", "", 200, `{"model_version_status":[{"version":"5","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]`},
		{"metadata", "/v1/models/iris/metadata", "", 200, `{"metadata":{"signature_def":{"signature_def":{"classify":{"inputs":{"inputs":{"dtype":"DT_STRING","tensor_shape":{"dim":[{"size":"-1","name":""}],"unknown_rank":false},`},
		{"metadata of a series", "/v1/models/sales/metadata", "", 200, `"dim":[{"size":"-1","name":""},{"size":"2","name":""}]`},
		{"metadata of several targets", "/v1/models/pair/versions/7/metadata", "", 200, `"model_spec":{"name":"pair","signature_name":"","version":"7"}`},
	})
}

func TestPackedBodies(t *testing.T) {
	h := predictions(shop{})
	var zip bytes.Buffer
	w := gzip.NewWriter(&zip)
	_, _ = w.Write([]byte(`{"instances":[{"cost":1}]}`)) // to memory
	_ = w.Close()
	bomb := bytes.NewBuffer(nil)
	w = gzip.NewWriter(bomb)
	_, _ = w.Write(bytes.Repeat([]byte(" "), 100_000))
	_ = w.Close()
	for _, test := range []struct {
		name, encoding, kind, body string
		status                     int
	}{
		{"gzip", "gzip", "application/json", zip.String(), 200},
		{"more than there may be, packed", "gzip", "application/json", bomb.String(), 413},
		{"not gzip", "gzip", "application/json", `{"instances":[]}`, 400},
		{"half of it", "gzip", "application/json", zip.String()[:zip.Len()/2], 400},
		{"another packing", "br", "application/json", zip.String(), 415},
		{"a form, as curl has it", "", "application/x-www-form-urlencoded", `{"instances":[]}`, 200},
		{"no type", "", "", `{"instances":[]}`, 200},
		{"an image", "", "image/png", `{"instances":[]}`, 415},
		{"no type at all", "", ";;", `{"instances":[]}`, 415},
	} {
		r := httptest.NewRequest(http.MethodPost, "/v1/models/price:predict", strings.NewReader(test.body))
		r.Header.Set("Content-Encoding", test.encoding)
		r.Header.Set("Content-Type", test.kind)
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code != test.status || !json.Valid(answer.Body.Bytes()) {
			t.Errorf("%s: got %d %s, want %d", test.name, answer.Code, answer.Body, test.status)
		}
	}
}

func TestModels(t *testing.T) {
	h := predictions(shop{ready: true})
	for path, want := range map[string]string{
		"/v1/models": `{"models":["new","price"]}`,
		"/v1/models/price": `{"model_version_status":[{"version":"7","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}},` +
			`{"version":"5","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}},` +
			`{"version":"6","state":"END","status":{"error_code":"FAILED_PRECONDITION","error_message":"it gives no numbers"}}],"name":"price","ready":true}`,
		"/v1/models/new":   `{"model_version_status":[],"name":"new","ready":false}`,
		"/v1/models/prize": `{"error":"Servable not found for request: Latest(prize)","code":"ModelNotFoundError","hint":"no model \"prize\""}`,
	} {
		got, _ := io.ReadAll(send(h, http.MethodGet, path, "").Body)
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestReady(t *testing.T) {
	for ready, want := range map[bool]int{true: 200, false: 503} {
		if got := send(predictions(shop{ready}), http.MethodGet, "/readyz", "").StatusCode; got != want {
			t.Errorf("ready %v: got %d, want %d", ready, got, want)
		}
	}
}

func TestMetrics(t *testing.T) {
	h := predictions(shop{ready: true})
	send(h, http.MethodPost, "/v1/models/price:predict", `{"instances":[{"cost":1}]}`)
	send(h, http.MethodPost, "/v1/models/invented:predict", `{`)
	got, _ := io.ReadAll(send(h, http.MethodGet, "/metrics", "").Body)
	for _, want := range []string{
		`retrain_predictions_total{code="200",model="price",version="7"} 1`,
		`retrain_predictions_total{code="404",model="",version="0"} 1`,
		`retrain_prediction_duration_seconds_count{model="price"} 1`,
		`retrain_prediction_batch_rows_sum 1`,
		`retrain_model_info{digest="e3b0c44298fc",model="price",version="7"} 1`,
		`retrain_predictor_ready 1`,
		`retrain_build_info{`,
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// What is read as records is, written again, read as the same number of records; anything else is the caller's fault.
func FuzzRecords(f *testing.F) {
	for _, body := range []string{`[{"id":"a"}]`, "{}\n{}", `[`, `[{}`, `[{}] x`, `null`, "\xff", `[[]]`, ` [ ] `} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		records, err := httpapi.RecordsOf([]byte(body))
		if err != nil {
			if !errors.Is(err, retrain.DataValidationError) {
				t.Errorf("got %v, want a DataValidationError", err)
			}
			return
		}
		b, err := json.Marshal(records)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := httpapi.RecordsOf(b); err != nil || len(again) != len(records) {
			t.Errorf("got %d records, %v, want %d", len(again), err, len(records))
		}
	})
}

func TestAnswersThatJSONCannotWrite(t *testing.T) {
	for _, v := range []any{math.Inf(1), math.NaN(), []float64{1, math.Inf(-1)}, []any{math.NaN()}} {
		if httpapi.Finite(v) {
			t.Errorf("%v is finite", v)
		}
	}
}
