package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whoever says how long he waits is told when that was too short, and when it makes no sense.
func TestRequestTimeout(t *testing.T) {
	for given, want := range map[string]int{"1ns": http.StatusGatewayTimeout, "1h": http.StatusOK, "60000": http.StatusOK, "0": http.StatusBadRequest,
		"soon": http.StatusBadRequest, "-1s": http.StatusBadRequest} {
		r := httptest.NewRequest(http.MethodPost, "/v1/models/price:predict", strings.NewReader(`{"instances":[{"cost":1}]}`))
		r.Header.Set("X-Request-Timeout", given)
		w := httptest.NewRecorder()
		predictions(shop{ready: true}).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d %s, want %d", given, w.Code, w.Body, want)
		}
	}
}
