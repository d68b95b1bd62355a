package httpapi

import (
	"cmp"
	"net/http"
)

// cancel ends the runs of a model, or one run.
func (c *Control) cancel(_ http.ResponseWriter, r *http.Request) (any, error) {
	ended, err := c.App.Cancel(r.Context(), cmp.Or(r.PathValue("run"), r.PathValue("model")))
	return map[string]any{"cancelled": ended}, err
}

// pause and resume answer with the model's status.
func (c *Control) pause(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Pause(r.Context(), r.PathValue("model"))
}

func (c *Control) resume(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Resume(r.Context(), r.PathValue("model"))
}
