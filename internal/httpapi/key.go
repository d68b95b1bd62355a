package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"retrain"
)

// open are the paths that need no key: what watches over a process asks there.
var open = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true, "/v2/health/live": true, "/v2/health/ready": true, "/": true}

// needsNone reports whether a path needs no key. The page asks for one itself, before it shows anything.
func needsNone(path string) bool { return open[path] || strings.HasPrefix(path, "/page/") }

// WithKey lets only those in who know the key, as a bearer token, in X-API-Key, or as the password that a browser asks for.
// An empty key lets everybody in.
func WithKey(key string, h http.Handler) http.Handler {
	if key == "" {
		return h
	}
	want := sha256.Sum256([]byte(key))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(given(r)))
		if needsNone(r.URL.Path) || subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="retrain"`)
		answer(w, http.StatusUnauthorized, problem{Error: "an API key is needed", Code: retrain.MLError,
			Hint: "send it as Authorization: Bearer KEY"})
	})
}

func given(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	return r.Header.Get("X-Api-Key")
}
