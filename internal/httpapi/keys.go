package httpapi

import (
	"net/http"
	"time"

	"retrain"
	"retrain/api"
)

// keys lists the API keys.
func (c *Control) keys(_ http.ResponseWriter, r *http.Request) (any, error) {
	all, err := c.App.Keys.List(r.Context())
	return api.Keys{Keys: all}, err
}

// createKey makes an API key. Whoever asks with a key cannot hand out one that outlives his own.
func (c *Control) createKey(w http.ResponseWriter, r *http.Request) (any, error) {
	var wish api.NewKey
	if err := options(w, r, &wish); err != nil {
		return nil, err
	}
	made := ""
	if k := by(r); k != nil {
		made = k.Name
		if k.ExpiresAt != nil && (wish.ExpiresAt == nil || wish.ExpiresAt.After(*k.ExpiresAt)) {
			return nil, retrain.Errorf(retrain.DataValidationError, "the key %q expires at %s: it hands out none that is valid for longer", k.Name, k.ExpiresAt.Format(time.RFC3339))
		}
	}
	key, err := c.App.Keys.Create(r.Context(), wish, made)
	w.Header().Set("Cache-Control", "no-store")
	return withStatus{key, http.StatusCreated}, err
}

// revokeKey takes an API key out of service.
func (c *Control) revokeKey(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := mayAll(r); err != nil {
		return nil, err
	}
	return withStatus{status: http.StatusNoContent}, c.App.Keys.Revoke(r.Context(), r.PathValue("key"))
}

// doctor looks whether everything is fit.
func (c *Control) doctor(_ http.ResponseWriter, r *http.Request) (any, error) {
	answer := api.Checkup{OK: true, Checks: c.App.Check(r.Context())}
	for _, f := range answer.Checks {
		answer.OK = answer.OK && f.OK
	}
	return answer, nil
}
