package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"retrain"
)

// stored are the records of "price" that a forecast begins with where none are sent.
func stored(_ context.Context, model string) ([]retrain.Record, error) {
	if model != "price" {
		return nil, retrain.Errorf(retrain.ModelNotFoundError, "no model %q", model)
	}
	return make([]retrain.Record, 10), nil
}

func TestForecast(t *testing.T) {
	for _, test := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"after what is stored", "price:forecast", `{"steps":2}`, http.StatusOK, `{"forecast":[10,11],"version":7}`},
		{"after what is sent", "price:forecast", `{"steps":1,"history":[{"a":1},{"a":2}]}`, http.StatusOK, `{"forecast":[2],"version":7}`},
		{"in detail", "price:forecast?details=true", `{"steps":1}`, http.StatusOK, `{"forecast":[{"prediction":10}],"version":7}`},
		{"no steps", "price:forecast", `{}`, http.StatusBadRequest, `steps is 0`},
		{"too far", "price:forecast", `{"steps":1000000}`, http.StatusBadRequest, `steps is 1000000`},
		{"no JSON", "price:forecast", `{`, http.StatusBadRequest, `cannot be read`},
		{"no such model", "prise:forecast", `{"steps":1}`, http.StatusNotFound, `no model`},
	} {
		w := httptest.NewRecorder()
		predictions(doubled{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/models/"+test.path, strings.NewReader(test.body)))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d with %s", test.name, w.Code, w.Body, test.status, test.want)
		}
		if version := w.Header().Get("X-Model-Version"); test.status == http.StatusOK && version != "7" {
			t.Errorf("%s: X-Model-Version %q, want 7", test.name, version)
		}
	}
}
