package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"retrain"
	"retrain/api"
)

// cancel ends the runs of a model, or one run.
func (c *Control) cancel(_ http.ResponseWriter, r *http.Request) (any, error) {
	ended, err := c.App.Cancel(r.Context(), cmp.Or(r.PathValue("run"), r.PathValue("model")))
	return api.Cancelled{Cancelled: ended}, err
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
	return api.Pinned{Model: r.PathValue("model"), Version: n, Pinned: append([]int{}, all...)}, err
}

// wantedVersion reads {"version":3}.
func wantedVersion(w http.ResponseWriter, r *http.Request) (int, error) {
	var wish api.ChosenVersion
	if err := options(w, r, &wish); err != nil {
		return 0, err
	}
	if wish.Version < 1 {
		return 0, retrain.Errorf(retrain.DataValidationError, "no version is named").WithHint(`send {"version":3}`)
	}
	return wish.Version, nil
}

// history lists what served when, newest first; with ?at=TIME what served then.
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
	var moves []api.Move
	if most > 0 && at.IsZero() {
		moves, err = c.App.LatestHistory(r.Context(), model, most)
	} else {
		moves, err = c.App.History(r.Context(), model, at)
	}
	return api.History{Model: model, History: moves}, err
}

// run tells how one run stands.
func (c *Control) run(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := retrain.ParseRunID(r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	if _, err := c.App.Catalog.Model(r.Context(), id.Model); err != nil {
		return nil, err
	}
	return c.App.ListRun(r.Context(), id)
}

// stats and stat tell how models have done so far.
func (c *Control) stats(_ http.ResponseWriter, r *http.Request) (any, error) {
	all, err := c.App.Stats(r.Context(), "")
	if err != nil {
		return nil, err
	}
	seen, err := c.seen(r)
	return api.Stats{Models: slices.DeleteFunc(all, func(s api.Stat) bool {
		return !slices.ContainsFunc(seen.Models, func(m retrain.ModelStatus) bool { return m.Model == s.Model })
	})}, err
}

func (c *Control) stat(_ http.ResponseWriter, r *http.Request) (any, error) {
	one, err := c.App.Stats(r.Context(), r.PathValue("model"))
	if err != nil {
		return nil, err
	}
	return one[0], nil
}

// dispose removes a model.
func (c *Control) dispose(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Dispose(r.Context(), r.PathValue("model"))
}
