package httpapi_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

func TestOpenInference(t *testing.T) {
	const price, iris, sales = "/v2/models/price/infer", "/v2/models/iris/infer", "/v2/models/sales/infer"
	const colour = `{"name":"colour","shape":[2],"datatype":"BYTES","data":["red","blue"]}`
	hold(t, []dialogue{
		{"one input", price, `{"id":"a1","inputs":[{"name":"cost","shape":[2],"datatype":"FP64","data":[1.5,2]}]}`, 200,
			`{"model_name":"price","model_version":"7","id":"a1","outputs":[{"name":"prediction","shape":[2],"datatype":"FP64","data":[3,4]},{"name":"interval","shape":[2,2],"datatype":"FP64","data":[2,4,3,5]}]}`},
		{"nested", price, `{"inputs":[{"name":"cost","shape":[2,1],"datatype":"INT8","data":[[1],[2]]}],"outputs":[{"name":"prediction"}]}`, 200,
			`"outputs":[{"name":"prediction","shape":[2],"datatype":"FP64","data":[2,4]}]}`},
		{"none", price, `{"inputs":[{"name":"cost","shape":[0],"datatype":"FP64","data":[]}],"outputs":[{"name":"prediction"}]}`, 200, `"shape":[0],"datatype":"FP64","data":[]`},
		{"a version", "/v2/models/price/versions/5/infer", `{"inputs":[{"name":"cost","shape":[1],"datatype":"UINT64","data":[1]}]}`, 200, `"model_version":"5"`},
		{"one input for each field", iris, `{"inputs":[` + colour + `,{"name":"wild","shape":[2],"datatype":"BOOL","data":[true,0]},{"name":"length","shape":[2,1],"datatype":"FP16","data":[1,null]}]}`, 200,
			`"outputs":[{"name":"prediction","shape":[2],"datatype":"BYTES","data":["tulip","rose"]},{"name":"confidence","shape":[2],"datatype":"FP64","data":[0.75,0.75]},` +
				`{"name":"probabilities","shape":[2,2],"datatype":"FP64","parameters":{"labels":"[\"rose\",\"tulip\"]"},"data":[0.25,0.75,0.75,0.25]}]`},
		{"one input of all fields", iris, `{"inputs":[{"name":"predict","shape":[2,4],"datatype":"BYTES","data":["1","red","true","2026-01-01","2","blue","false","0"]}],"outputs":[{"name":"prediction"}]}`, 200, `"data":["tulip","rose"]`},
		{"windows", sales, `{"inputs":[{"name":"day","shape":[1,2],"datatype":"INT64","data":[[1,2]]},{"name":"sold","shape":[1,2,1],"datatype":"FP32","data":[3,4]}],"outputs":[{"name":"prediction"}]}`, 200, `"shape":[1],"datatype":"FP64","data":[7]`},
		{"windows of all fields", sales, `{"inputs":[{"name":"x","shape":[2,2,2],"datatype":"FP32","data":[[[1,3],[2,4]],[[1,5],[2,6]]]}],"outputs":[{"name":"prediction"}]}`, 200, `"data":[7,11]`},
		{"two targets", "/v2/models/pair/infer", `{"inputs":[{"name":"width","shape":[1],"datatype":"FP32","data":[1]},{"name":"height","shape":[1],"datatype":"FP32","data":[2]}]}`, 200, `"outputs":[{"name":"prediction","shape":[1,2],"datatype":"FP64","data":[1,2]}]`},
		{"a lookback of another length", sales, `{"inputs":[{"name":"sold","shape":[1,3],"datatype":"FP32","data":[3,4,5]}]}`, 400, `model \"sales\" takes [-1 2] for each field`},
		{"no inputs", price, `{"inputs":[]}`, 400, `has no \"inputs\"`},
		{"an unknown input", price, `{"inputs":[{"name":"kost","shape":[1],"datatype":"FP64","data":[1]}]}`, 400, `its inputs: cost`},
		{"an input twice", iris, `{"inputs":[` + colour + "," + colour + `]}`, 400, `is there twice`},
		{"an unknown output", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"FP64","data":[1]}],"outputs":[{"name":"probabilities"}]}`, 400, `no output \"probabilities\"`},
		{"an unknown datatype", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"BF16","data":[1]}]}`, 400, `unknown datatype`},
		{"too few data", price, `{"inputs":[{"name":"cost","shape":[3],"datatype":"FP64","data":[1]}]}`, 400, `has 1 values; its shape [3] says 3`},
		{"no data", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"FP64"}]}`, 400, `has no data`},
		{"ragged", iris, `{"inputs":[{"name":"x","shape":[2,4],"datatype":"FP64","data":[[1,2,3],[4,5,6,7,8]]}]}`, 400, `does not agree with its shape`},
		{"deeper than its shape", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"FP64","data":[[1]]}]}`, 400, `not nested as its shape`},
		{"a shape like no other", price, `{"inputs":[{"name":"cost","shape":[-1],"datatype":"FP64","data":[]}]}`, 400, `shape [-1]`},
		{"a huge shape", price, `{"inputs":[{"name":"cost","shape":[9000000000000000000],"datatype":"FP64","data":[]}]}`, 400, `shape [9000000000000000000]`},
		{"a text for a number", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"FP64","data":["x"]}]}`, 400, `value 1: x is no FP64`},
		{"a fraction of a whole number", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"INT32","data":[1.5]}]}`, 400, `1.5 is no INT32`},
		{"more than a byte", price, `{"inputs":[{"name":"cost","shape":[1],"datatype":"UINT8","data":[256]}]}`, 400, `256 is no UINT8`},
		{"different rows", iris, `{"inputs":[` + colour + `,{"name":"length","shape":[1],"datatype":"FP64","data":[1]}]}`, 400, `has 1 values, \"colour\" has 2`},
		{"an unknown model", "/v2/models/half/infer", `{"inputs":[]}`, 404, `no model \"half\"`},
		{"metadata", "/v2/models/iris", "", 200, `"inputs":[{"name":"length","shape":[-1],"datatype":"FP64"},{"name":"colour","shape":[-1],"datatype":"BYTES"},{"name":"wild","shape":[-1],"datatype":"BOOL"},{"name":"found","shape":[-1],"datatype":"FP64","parameters":{"form":`},
		{"metadata of a version", "/v2/models/price/versions/5", "", 200, `"name":"price","outputs":[{"name":"prediction","shape":[-1],"datatype":"FP64"},{"name":"interval","shape":[-1,2],"datatype":"FP64"}],"platform":"tensorflow_savedmodel","versions":["5","7"]}`},
		{"ready", "/v2/models/price/ready", "", 200, `{"name":"price","ready":true}`},
		{"a version is ready", "/v2/models/price/versions/5/ready", "", 200, `{"name":"price","ready":true}`},
		{"a version is not ready", "/v2/models/price/versions/3/ready", "", 503, `{"name":"price","ready":false}`},
		{"not ready", "/v2/models/new/ready", "", 503, `{"name":"new","ready":false}`},
		{"never ready", "/v2/models/half/ready", "", 404, `no model \"half\"`},
		{"unloaded", "/v2/repository/models/price/unload", `{}`, 400, `not unloaded by hand`},
	})
}

func TestOpenInferenceServer(t *testing.T) {
	for _, ready := range []bool{true, false} {
		h := predictions(shop{ready: ready})
		for path, want := range map[string]string{
			"GET /v2":                               `"extensions":["model_repository","binary_tensor_data"],"name":"retrain"`,
			"GET /v2/health/live":                   `{"live":true}`,
			"GET /v2/health/ready":                  `{"live":true,"ready":` + strconv.FormatBool(ready) + `}`,
			"POST /v2/repository/index":             `[{"name":"new","version":"","state":"UNAVAILABLE","reason":"no version of it is loaded"},{"name":"price","version":"5","state":"READY","reason":""},{"name":"price","version":"7","state":"READY","reason":""},{"name":"price","version":"6","state":"UNAVAILABLE","reason":"it gives no numbers"}]`,
			"POST /v2/repository/models/price/load": `{}`,
		} {
			method, path, _ := bytes.Cut([]byte(path), []byte(" "))
			r := send(h, string(method), string(path), "")
			got, _ := io.ReadAll(r.Body)
			if !bytes.Contains(got, []byte(want)) {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
			if bad := r.StatusCode != http.StatusOK; bad != (!ready && string(path) == "/v2/health/ready") {
				t.Errorf("%s: got %d", path, r.StatusCode)
			}
		}
		r := send(h, http.MethodPost, "/v2/repository/index", `{"ready":true}`)
		if got, _ := io.ReadAll(r.Body); bytes.Contains(got, []byte("UNAVAILABLE")) || !bytes.Contains(got, []byte("READY")) {
			t.Errorf("got %s", got)
		}
		if r := send(h, http.MethodPost, "/v2/repository/index", `[`); r.StatusCode != http.StatusBadRequest {
			t.Errorf("got %d", r.StatusCode)
		}
	}
}

// binarily sends tensors behind the JSON.
func binarily(h http.Handler, path, text string, tensors []byte, length int) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(append([]byte(text), tensors...)))
	r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(length))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOpenInferenceInBinary(t *testing.T) {
	h := predictions(shop{})
	text := `{"inputs":[{"name":"length","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},{"name":"colour","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":15}}],` +
		`"outputs":[{"name":"prediction","parameters":{"binary_data":true}},{"name":"confidence"}]}`
	tensors := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1.5))
	tensors = binary.LittleEndian.AppendUint32(tensors, math.Float32bits(2.5))
	for _, word := range []string{"red", "blue"} {
		tensors = append(binary.LittleEndian.AppendUint32(tensors, uint32(len(word))), word...)
	}
	w := binarily(h, "/v2/models/iris/infer", text, tensors, len(text))
	length, err := strconv.Atoi(w.Header().Get("Inference-Header-Content-Length"))
	if w.Code != http.StatusOK || err != nil {
		t.Fatalf("got %d %s, %v", w.Code, w.Body, err)
	}
	var answer struct {
		Outputs []struct {
			Name       string
			Data       []any
			Parameters map[string]any
		}
	}
	if err := json.Unmarshal(w.Body.Bytes()[:length], &answer); err != nil {
		t.Fatal(err)
	}
	if o := answer.Outputs; len(o) != 2 || o[0].Data != nil || o[0].Parameters["binary_data_size"] != 17.0 || o[1].Data[0] != 0.75 {
		t.Errorf("got %+v", answer)
	}
	if got, want := string(w.Body.Bytes()[length:]), "\x05\x00\x00\x00tulip\x04\x00\x00\x00rose"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, wrong := range map[string]*httptest.ResponseRecorder{
		"bytes too few":             binarily(h, "/v2/models/iris/infer", text, tensors[:20], len(text)),
		"bytes too many":            binarily(h, "/v2/models/iris/infer", text, append(tensors, 0), len(text)),
		"a header that is too long": binarily(h, "/v2/models/iris/infer", text, tensors, 10_000),
		"a header below nothing":    binarily(h, "/v2/models/iris/infer", text, tensors, -1),
		"half a JSON":               binarily(h, "/v2/models/iris/infer", text, tensors, 10),
	} {
		if wrong.Code != http.StatusBadRequest || !json.Valid(wrong.Body.Bytes()) {
			t.Errorf("%s: got %d %s", name, wrong.Code, wrong.Body)
		}
	}
}
