package httpapi

import (
	"net/http"
	"strconv"

	"retrain"
	"retrain/api"
)

// What people look at, beside what programs ask for.

// portrait answers with what there is to see of a version, "champion" for that.
func (c *Control) portrait(_ http.ResponseWriter, r *http.Request) (any, error) {
	n := 0
	if version := r.PathValue("version"); version != retrain.LabelChampion {
		var err error
		if n, err = strconv.Atoi(version); err != nil || n < 1 {
			return nil, retrain.Errorf(retrain.DataValidationError, "version %.40q is not a number from 1 on", version)
		}
	}
	return c.App.Portrait(r.Context(), r.PathValue("model"), n)
}

// plant answers with the workers, their devices and the queues.
func (c *Control) plant(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Plant(r.Context())
}

// recentErrors answers with what went wrong lately.
func (c *Control) recentErrors(_ http.ResponseWriter, r *http.Request) (any, error) {
	bad, err := c.App.RecentErrors(r.Context(), mostErrors)
	return api.RecentErrors{Errors: bad}, err
}

// numberFrom reads a number from the query; otherwise is meant where there is none.
func numberFrom(r *http.Request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, retrain.Errorf(retrain.DataValidationError, "%s %.40q is no number", name, text)
	}
	return n, nil
}
