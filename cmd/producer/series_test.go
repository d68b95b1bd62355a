package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const series = `
resources: {days: {}}
models:
  sales: {type: timeseries, resource: days, features: [amount], target: amount, modelConfig: {lookback: 3}}
`

// The latest records of a time series are one question: they are asked together, and one answer is right.
func TestPredictATimeSeries(t *testing.T) {
	s := newStage(t)
	s.ok("apply", "-f", s.write("series.yaml", series))
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if n := strings.Count(string(b), "amount"); err != nil || n != 3 {
			t.Errorf("asked %s, %v, want the three records together", b, err)
		}
		_, _ = io.WriteString(w, `{"predictions":[{"prediction":4}],"version":2}`)
	}))
	defer worker.Close()
	var list []answered
	s.json(&list, "predict", "sales", "--features", `[{"amount":1},{"amount":2},{"amount":3}]`, "--url", worker.URL)
	if len(list) != 1 || list[0].Prediction.Prediction != 4.0 || list[0].Version != 2 || list[0].Model != "sales" {
		t.Errorf("got %+v, want one answer by version 2", list)
	}
}
