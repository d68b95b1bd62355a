package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"retrain"
)

// A Route is a path and what answers there. A path may end with a verb behind a colon: /v1/models/{model}:predict. The table of
// all routes is what a server is made from, and a description of it.
type Route struct {
	Method, Path string
	Does         string // in a few words
	Do           http.HandlerFunc
}

// routed returns the server of the routes. Other methods at their paths are 405, anything else is 404.
func routed(routes []Route, refuse refuser) *http.ServeMux {
	byPattern := make(map[string]verbs)
	for _, r := range routes {
		pattern, verb := r.Path, ""
		if i := strings.LastIndexByte(r.Path, ':'); i > strings.LastIndexByte(r.Path, '/') {
			pattern, verb = r.Path[:i], r.Path[i+1:]
		}
		v := byPattern[pattern]
		if v == nil {
			v = make(verbs)
			byPattern[pattern] = v
		}
		if v[verb] == nil {
			v[verb] = make(map[string]http.HandlerFunc)
		}
		v[verb][r.Method] = r.Do
	}
	mux := http.NewServeMux()
	for pattern, v := range byPattern {
		mux.Handle(pattern, v.at(pattern, refuse))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { refuse(w, r, noSuchPath(r)) })
	return mux
}

// verbs are the handlers at one path, by verb and method.
type verbs map[string]map[string]http.HandlerFunc

// at returns what answers at a pattern. The verb is cut off from the value of its last wildcard.
func (v verbs) at(pattern string, refuse refuser) http.HandlerFunc {
	last := pattern[strings.LastIndexByte(pattern, '/')+1:]
	wild := strings.HasPrefix(last, "{") && strings.HasSuffix(last, "}")
	return func(w http.ResponseWriter, r *http.Request) {
		verb := ""
		if name := strings.Trim(last, "{}"); wild {
			value := r.PathValue(name)
			if i := strings.LastIndexByte(value, ':'); i >= 0 {
				value, verb = value[:i], strings.ToLower(value[i+1:])
			}
			r.SetPathValue(name, value)
		}
		methods, ok := v[verb]
		if !ok {
			refuse(w, r, noSuchPath(r))
			return
		}
		do, ok := methods[r.Method]
		if !ok && r.Method == http.MethodHead {
			do, ok = methods[http.MethodGet]
		}
		if !ok {
			allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
			w.Header().Set("Allow", allowed)
			refuse(w, r, refusal{retrain.Errorf(retrain.DataValidationError, "%s is not possible at %.200q", r.Method, r.URL.Path).WithHint("use %s", allowed), http.StatusMethodNotAllowed})
			return
		}
		do(w, r)
	}
}
