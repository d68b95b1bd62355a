package httpapi

import (
	"cmp"
	"net/http"
	"time"

	"retrain"
	"retrain/internal/app"
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

// pin and unpin answer with all versions that are pinned.
func (c *Control) pin(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.pinned(w, r, true)
}

func (c *Control) unpin(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.pinned(w, r, false)
}

func (c *Control) pinned(w http.ResponseWriter, r *http.Request, pinned bool) (any, error) {
	n, err := wantedVersion(w, r)
	if err != nil {
		return nil, err
	}
	all, err := c.App.Pin(r.Context(), r.PathValue("model"), n, pinned)
	return map[string]any{"model": r.PathValue("model"), "version": n, "pinned": append([]int{}, all...)}, err
}

// wantedVersion reads {"version":3}.
func wantedVersion(w http.ResponseWriter, r *http.Request) (int, error) {
	var wish struct {
		Version int `json:"version"`
	}
	if err := options(w, r, &wish); err != nil {
		return 0, err
	}
	if wish.Version < 1 {
		return 0, retrain.Errorf(retrain.DataValidationError, "no version is named").WithHint(`send {"version":3}`)
	}
	return wish.Version, nil
}

// history lists what served when, newest first, with ?limit=N the latest alone; with ?at=TIME what served then.
func (c *Control) history(_ http.ResponseWriter, r *http.Request) (any, error) {
	model, at := r.PathValue("model"), time.Time{}
	if given := r.URL.Query().Get("at"); given != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, given); err != nil {
			return nil, retrain.Errorf(retrain.DataValidationError, "%q is no time", given).WithHint("as in 2026-03-01T12:00:00Z")
		}
	}
	most, err := numberFrom(r, "limit", 0)
	if err != nil {
		return nil, err
	}
	var moves []app.Move
	if most > 0 && at.IsZero() {
		moves, err = c.App.LatestHistory(r.Context(), model, most)
	} else {
		moves, err = c.App.History(r.Context(), model, at)
	}
	return map[string]any{"model": model, "history": moves}, err
}

// dispose removes a model.
func (c *Control) dispose(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Dispose(r.Context(), r.PathValue("model"))
}
