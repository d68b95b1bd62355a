package httpapi

import (
	"net/http"
	"strings"

	"retrain/api"
)

// An Operation is something that the control server does: what a request is answered from, and what a description is made of.
type Operation struct {
	Method, Path string
	Name         string // for clients: camel case, unique
	Does         string // in a few words
	Needs        api.Role
	Filters      bool // it has no resource in its path, and leaves out what a key is not for
	Query        []Parameter
	Takes, Gives any    // zero values of the bodies' types; nil for none
	As           string // the content type of what it gives; application/json
	Status       int    // of success, where it is not 200
	Nothing      bool   // a success may also be a 204, without a body

	Do     verb             // answers with a value
	Stream http.HandlerFunc // answers by itself
}

// A Parameter is one of the query.
type Parameter struct {
	Name, Means string
	Of          any    // a zero value of its type
	Least       string // the least value; "" for any
}

// route returns the operation as the server answers it.
func (c *Control) route(o *Operation) Route {
	do := o.Stream
	if do == nil {
		do = c.answers(o.Do)
	}
	if !o.Filters && !strings.Contains(o.Path, "{") && o.Needs != "" {
		do = c.whole(do)
	}
	if o.Needs != "" {
		do = permitted(o.Needs, c.App.Catalog, problems(c.App.Log), do)
	}
	return Route{Method: o.Method, Path: o.Path, Does: o.Does, Do: c.Metrics.Operation(o, do)}
}

// whole lets do answer whoever has a key for all resources.
func (c *Control) whole(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := mayAll(r); err != nil {
			problems(c.App.Log)(w, r, err)
			return
		}
		do(w, r)
	}
}

// A verb does what a request asks for, and returns what is answered.
type verb func(w http.ResponseWriter, r *http.Request) (any, error)

func (c *Control) answers(do verb) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(w, r)
		if err != nil {
			problems(c.App.Log)(w, r, err)
			return
		}
		if coded, ok := v.(withStatus); ok {
			if coded.value == nil {
				w.WriteHeader(coded.status)
				return
			}
			answer(w, coded.status, coded.value)
			return
		}
		answer(w, http.StatusOK, v)
	}
}

// withStatus is an answer with another status than 200.
type withStatus struct {
	value  any
	status int
}
