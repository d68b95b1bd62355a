package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestForecast(t *testing.T) {
	for _, test := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"after what is stored", "sales:forecast", `{"steps":2}`, http.StatusOK, `{"forecast":[10,11],"version":7}`},
		{"after what is sent", "sales:forecast", `{"steps":1,"history":[{"a":1},{"a":2}]}`, http.StatusOK, `{"forecast":[2],"version":7}`},
		{"in detail", "sales:forecast?details=true", `{"steps":1}`, http.StatusOK, `{"forecast":[{"prediction":10}],"version":7}`},
		{"no steps", "sales:forecast", `{}`, http.StatusBadRequest, `steps is 0`},
		{"too far", "sales:forecast", `{"steps":1000000}`, http.StatusBadRequest, `steps is 1000000`},
		{"no JSON", "sales:forecast", `{`, http.StatusBadRequest, `cannot be read`},
		{"a version", "sales/versions/5:forecast", `{"steps":1}`, http.StatusOK, `"version":5}`},
		{"no series", "price:forecast", `{"steps":1,"history":[]}`, http.StatusBadRequest, `only a time series has a forecast`},
		{"no such model", "prise:forecast", `{"steps":1}`, http.StatusNotFound, `Latest(prise)`},
	} {
		w := httptest.NewRecorder()
		predictions(shop{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/models/"+test.path, strings.NewReader(test.body)))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d with %s", test.name, w.Code, w.Body, test.status, test.want)
		}
		if version := w.Header().Get("X-Model-Version"); test.status == http.StatusOK && version != "7" && version != "5" {
			t.Errorf("%s: X-Model-Version %q, want 7 or 5", test.name, version)
		}
	}
}
