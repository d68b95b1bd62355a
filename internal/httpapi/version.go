package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"retrain"
	"retrain/api"
	"retrain/mlcore/portable"
	"retrain/mlcore/prep"
)

// version tells everything about one version.
func (c *Control) version(_ http.ResponseWriter, r *http.Request) (any, error) {
	which, err := whichOf(r)
	if err != nil {
		return nil, err
	}
	return c.App.About(r.Context(), r.PathValue("model"), which.Version)
}

// versionAsked returns the version that ?version= names; 0 for none.
func versionAsked(r *http.Request) (int, error) {
	given := r.URL.Query().Get("version")
	if given == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		return 0, retrain.Errorf(retrain.DataValidationError, "version %.40q is not a number from 1 on", given)
	}
	return n, nil
}

// export gives a version as one JSON file.
func (c *Control) export(w http.ResponseWriter, r *http.Request) {
	refuse := problems(c.App.Log)
	n, err := versionAsked(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	m, err := c.App.Export(r.Context(), r.PathValue("model"), n)
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Model-Version", strconv.Itoa(m.Lineage.Version))
	if err := m.Write(w); err != nil && r.Context().Err() == nil {
		c.abort(w, r, 1, err)
	}
}

// importModel requests the run that makes a version of an exported model.
func (c *Control) importModel(w http.ResponseWriter, r *http.Request) (any, error) {
	declare, err := truth(r, "declare")
	if err != nil {
		return nil, err
	}
	file, err := body(w, r, portable.MostBytes)
	if err != nil {
		return nil, err
	}
	m, err := portable.ReadAny(file)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("model")
	if declare {
		if err := mayAll(r); err != nil { // the file may name any resource
			return nil, err
		}
		if _, err := c.App.Declare(r.Context(), name, m); err != nil {
			return nil, err
		}
	}
	run, err := c.App.Import(r.Context(), name, m)
	return api.Requested{Run: run.String(), Model: name, State: retrain.Queued}, err
}

// trainingData gives what a version was trained on.
func (c *Control) trainingData(w http.ResponseWriter, r *http.Request) {
	n, err := versionAsked(r)
	var mf retrain.Manifest
	if err == nil {
		mf, err = c.App.Version(r.Context(), r.PathValue("model"), n)
	}
	var head api.TrainedOn
	if err == nil {
		head, err = c.App.TrainedOn(r.Context(), &mf)
	}
	if err != nil {
		problems(c.App.Log)(w, r, err)
		return
	}
	begin, err := json.Marshal(head)
	if err != nil {
		problems(c.App.Log)(w, r, err)
		return
	}
	before, written := strings.TrimSuffix(string(begin), "null}")+"[\n", 0
	for row, err := range prep.Rows(mf.Spec, c.App.Registry.TrainingData(r.Context(), &mf)) {
		if err != nil {
			c.abort(w, r, written, err)
			return
		}
		b, err := json.Marshal(row)
		if err != nil {
			c.abort(w, r, written, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write(append([]byte(before), b...)); err != nil {
			return // nobody listens
		}
		before, written = ",\n", written+1
	}
	if written == 0 {
		answer(w, http.StatusOK, head)
		return
	}
	_, _ = w.Write([]byte("]}\n"))
}
