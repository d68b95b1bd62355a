package conformance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"retrain"
	"retrain/tasks"
)

// say sends what curl would send, and returns the answer.
func (s *stage) say(method, path, body string) (status int, answer map[string]any) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl -d does
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		s.Fatal(err)
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		s.Fatalf("%s %s: %d %s", method, path, got.StatusCode, b)
	}
	return got.StatusCode, answer
}

// near compares values of JSON, numbers up to what float32 rounds. Of objects, got may have more.
func near(got, want any) bool {
	switch want := want.(type) {
	case float64:
		n, ok := got.(float64)
		return ok && math.Abs(n-want) < 1e-4*(1+math.Abs(want))
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !near(list[i], want[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		object, ok := got.(map[string]any)
		for name := range want {
			ok = ok && near(object[name], want[name])
		}
		return ok
	}
	return reflect.DeepEqual(got, want)
}

// The calls that TensorFlow Serving's page on its REST API shows, word for word, with what it says that they answer.
func (s *stage) documented() {
	s.Helper()
	for _, call := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{http.MethodGet, "/v1/models/half_plus_three", "", 200, `{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`},
		{http.MethodPost, "/v1/models/half_plus_three:predict", `{"instances": [1.0,2.0,5.0]}`, 200, `{"predictions":[3.5,4.0,5.5]}`},
		{http.MethodPost, "/v1/models/half_plus_three:regress", `{"signature_name": "tensorflow/serving/regress", "examples": [{"x": 1.0}, {"x": 2.0}]}`, 200, `{"results":[3.5,4.0]}`},
		{http.MethodPost, "/v1/models/half:predict", `{"instances": [1.0,5.0]}`, 404, `{"error":"Servable not found for request: Latest(half)"}`},
		// and what its other sections describe
		{http.MethodGet, "/v1/models/half_plus_three/versions/1", "", 200, `{"model_version_status":[{"version":"1","state":"AVAILABLE"}]}`},
		{http.MethodPost, "/v1/models/half_plus_three/versions/1:predict", `{"inputs": [1.0,2.0]}`, 200, `{"outputs":[3.5,4.0]}`},
		{http.MethodPost, "/v1/models/half_plus_three:predict", `{"signature_name":"serving_default","inputs":{"x":[1.0,2.0]}}`, 200, `{"outputs":[3.5,4.0]}`},
		{http.MethodGet, "/v1/models/half_plus_three/metadata", "", 200, `{"model_spec":{"name":"half_plus_three","signature_name":"","version":"1"},"metadata":{"signature_def":{"signature_def":{"serving_default":
			{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""}],"unknown_rank":false}}},"outputs":{"prediction":{"dtype":"DT_FLOAT"}},"method_name":"tensorflow/serving/predict"}}}}}`},
	} {
		status, got := s.say(call.method, call.path, call.body)
		var want any
		if err := json.Unmarshal([]byte(call.want), &want); err != nil {
			s.Fatal(err)
		}
		if status != call.status || !near(got, want) {
			s.Errorf("%s %s %s: got %d %v, want %d %v", call.method, call.path, call.body, status, got, call.status, want)
		}
	}
}

// Every way to ask a question leads to the same answer, bit by bit.
func (s *stage) allWaysAgree() {
	s.Helper()
	questions := flowers(70)[60:]
	want, version, err := s.live.Ask(s.Context(), "flower", retrain.Which{Version: 1}, questions)
	if err != nil || version != 1 {
		s.Fatal(version, err)
	}
	queue := &tasks.Predictor{Conn: s.Redis}
	for _, which := range []retrain.Which{{Version: 1}, {Label: "previous"}} {
		got, version, err := queue.Predict(s.Context(), "flower", which, questions)
		if err != nil || version != 1 || !reflect.DeepEqual(got, want) {
			s.Errorf("through the queue: got %v of version %d, %v, want %v", got, version, err, want)
		}
	}
	var detailed struct {
		Predictions []retrain.Prediction
		Version     int
	}
	s.ask("/v1/models/flower/versions/1:predict?details=true", map[string]any{"instances": questions}, &detailed)
	if detailed.Version != 1 || !reflect.DeepEqual(detailed.Predictions, want) {
		s.Errorf("records by name: got %v, want %v", detailed, want)
	}
	columns := make(map[string][]any)
	for _, q := range questions {
		for _, name := range []string{"length", "colour", "wild", "found"} {
			columns[name] = append(columns[name], q[name])
		}
	}
	var outputs struct {
		Outputs struct {
			Prediction    []string
			Probabilities [][]float64
		}
	}
	s.ask("/v1/models/flower/labels/previous:predict", map[string]any{"inputs": columns}, &outputs)
	var results struct{ Results [][][2]any }
	examples := make([]retrain.Record, len(questions))
	for i, q := range questions {
		examples[i] = retrain.Record{"length": q["length"], "colour": q["colour"], "wild": q["wild"], "found": q["found"]}
	}
	s.ask("/v1/models/flower/versions/1:classify", map[string]any{"examples": examples}, &results)
	for i, p := range want {
		for j, pair := range results.Results[i] {
			class, _ := pair[0].(string)
			if outputs.Outputs.Prediction[i] != p.Prediction || outputs.Outputs.Probabilities[i][j] != p.Probabilities[class] || pair[1] != p.Probabilities[class] {
				s.Errorf("record %d: columns %v, examples %v, want %v", i, outputs.Outputs.Probabilities[i], results.Results[i], p)
			}
		}
	}
	s.tensorsAgree(columns, want)
}

// tensorsAgree asks with the Open Inference Protocol.
func (s *stage) tensorsAgree(columns map[string][]any, want []retrain.Prediction) {
	s.Helper()
	n := len(want)
	type tensor struct {
		Name     string `json:"name"`
		Shape    []int  `json:"shape"`
		Datatype string `json:"datatype"`
		Data     []any  `json:"data"`
	}
	inputs := []tensor{{"length", []int{n}, "FP64", columns["length"]}, {"colour", []int{n, 1}, "BYTES", columns["colour"]},
		{"wild", []int{n}, "BOOL", columns["wild"]}, {"found", []int{n}, "BYTES", columns["found"]}}
	var answer struct {
		Version string `json:"model_version"`
		Outputs []tensor
	}
	s.ask("/v2/models/flower/versions/1/infer", map[string]any{"inputs": inputs}, &answer)
	for _, o := range answer.Outputs {
		for i, p := range want {
			switch {
			case o.Name == "prediction" && o.Data[i] != p.Prediction, o.Name == "confidence" && o.Data[i] != *p.Confidence:
				s.Errorf("tensor %s, record %d: got %v, want %+v", o.Name, i, o.Data[i], p)
			}
		}
	}
	if len(answer.Outputs) != 3 || answer.Version != "1" {
		s.Errorf("got %+v", answer)
	}
}

// ask posts a question as JSON and decodes the answer.
func (s *stage) ask(path string, question, answer any) {
	s.Helper()
	b, err := json.Marshal(question)
	if err != nil {
		s.Fatal(err)
	}
	got, err := http.Post(s.URL+path, "application/json", bytes.NewReader(b))
	if err != nil {
		s.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK {
		s.Fatalf("%s: %d %s %v", path, got.StatusCode, text, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		s.Fatalf("%s: %s: %v", path, text, err)
	}
}

// A window of a series is answered as the same records are.
func (s *stage) windowsAgree() {
	s.Helper()
	var latest, window, forecast struct {
		Predictions []float64
		Forecast    []float64
	}
	s.ask("/v1/models/sales:predict", map[string]any{"instances": []retrain.Record{{"weekday": 1, "sold": 11}, {"weekday": 2, "sold": 12}, {"weekday": 3, "sold": 13}}}, &latest)
	s.ask("/v1/models/sales:predict", map[string]any{"instances": []any{map[string]any{"weekday": []int{1, 2, 3}, "sold": []int{11, 12, 13}}}}, &window)
	if len(latest.Predictions) != 1 || !reflect.DeepEqual(latest, window) {
		s.Errorf("got %v and %v", latest, window)
	}
	s.ask("/v1/models/sales/versions/1:forecast", map[string]any{"steps": 3}, &forecast)
	if len(forecast.Forecast) != 3 {
		s.Errorf("after what is stored: got %v", forecast)
	}
	history := []retrain.Record{{"day": "2026-03-01", "weekday": 1, "sold": 11}, {"day": "2026-03-02", "weekday": 2, "sold": 12}, {"day": "2026-03-03", "weekday": 3, "sold": 13}}
	s.ask("/v1/models/sales:forecast", map[string]any{"steps": 2, "history": history}, &forecast)
	if len(forecast.Forecast) != 2 || forecast.Forecast[0] != latest.Predictions[0] {
		s.Errorf("after what is sent: got %v, want %v first", forecast, latest)
	}
}

func TestConformance(t *testing.T) {
	s := newStage(t)
	s.learnAll()
	for name, test := range map[string]func(){
		"TensorFlow Serving's documentation": s.documented,
		"all ways agree":                     s.allWaysAgree,
		"windows agree":                      s.windowsAgree,
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			test()
		})
	}
	s.T = t
	s.foreignClients()
}
