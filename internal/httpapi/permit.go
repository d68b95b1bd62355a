package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"retrain"
	"retrain/api"
)

type callerKey struct{}

// by returns the key that a request came with; nil where nobody needs one.
func by(r *http.Request) *api.Key {
	k, _ := r.Context().Value(callerKey{}).(*api.Key)
	return k
}

// with returns a request that came with a key.
func with(r *http.Request, k *api.Key) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, k))
}

// sees reports whether a key is for a resource and what learns from it.
func sees(k *api.Key, resource string) bool {
	return k == nil || len(k.Resources) == 0 || slices.Contains(k.Resources, resource)
}

// refused is the error for whoever has a key that is not for what he asks.
func refused(message string, args ...any) error {
	return refusal{retrain.Errorf(retrain.MLError, message, args...), http.StatusForbidden}
}

// may returns an error unless the request's key has a role.
func may(r *http.Request, needs api.Role) error {
	if k := by(r); k != nil && !k.Role.Covers(needs) {
		return refused("the key %q may only %s: this needs the role %s", k.Name, k.Role, needs)
	}
	return nil
}

// mayAll returns an error unless the request's key is for all resources.
func mayAll(r *http.Request) error {
	if k := by(r); k != nil && len(k.Resources) > 0 {
		return refused("the key %q is for some resources alone", k.Name)
	}
	return nil
}

// mayTouch returns an error unless the request's key is for the resource, or for that of the model or run, that the path names.
func mayTouch(r *http.Request, catalog Declared) error {
	k := by(r)
	if k == nil || len(k.Resources) == 0 {
		return nil
	}
	resource, models := r.PathValue("resource"), []string{r.PathValue("model"), r.PathValue("run")}
	if run, err := retrain.ParseRunID(r.PathValue("run")); err == nil {
		models = append(models, run.Model)
	}
	if resource != "" {
		return allowed(k, []string{resource})
	}
	if strings.Join(models, "") == "" {
		return nil
	}
	specs, err := catalog.Specs(r.Context())
	if err != nil {
		return err
	}
	var resources []string
	for _, m := range specs.Models {
		if slices.Contains(models, m.Name) {
			resources = append(resources, m.Resource)
		}
	}
	return allowed(k, resources)
}

// allowed returns an error unless a key is for all of the resources, of which there is one at least.
func allowed(k *api.Key, resources []string) error {
	if len(resources) == 0 || slices.ContainsFunc(resources, func(name string) bool { return !sees(k, name) }) {
		return refused("the key %q is not for this", k.Name)
	}
	return nil
}

// permitted lets do answer whoever has a key with the role, for what the path names.
func permitted(needs api.Role, catalog Declared, refuse refuser, do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := may(r, needs)
		if err == nil {
			err = mayTouch(r, catalog)
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		do(w, r)
	}
}
