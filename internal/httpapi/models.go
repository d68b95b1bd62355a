package httpapi

import (
	"net/http"
	"strconv"

	"retrain"
)

// A modelStatus answers the clients of TensorFlow Serving and those of KServe: each reads its own half.
type modelStatus struct {
	Versions []versionStatus `json:"model_version_status"`
	Name     string          `json:"name"`
	Ready    bool            `json:"ready"`
}

type versionStatus struct {
	Version string       `json:"version"`
	State   string       `json:"state"`
	Status  servingError `json:"status"`
}

type servingError struct {
	Code    string `json:"error_code"`
	Message string `json:"error_message"`
}

func (p *Predictions) list(w http.ResponseWriter, r *http.Request) {
	specs, err := p.Catalog.Specs(r.Context())
	if err != nil {
		refuse(w, r, p.Log, err)
		return
	}
	names := make([]string, len(specs.Models))
	for i, m := range specs.Models {
		names[i] = m.Name
	}
	answer(w, http.StatusOK, map[string][]string{"models": names})
}

func (p *Predictions) describe(w http.ResponseWriter, r *http.Request) {
	s := modelStatus{Name: r.PathValue("model"), Versions: []versionStatus{}}
	if version := p.Live.Version(s.Name); version != 0 {
		s.Ready = true
		s.Versions = append(s.Versions, versionStatus{strconv.Itoa(version), "AVAILABLE", servingError{Code: "OK"}})
		w.Header().Set("X-Model-Version", strconv.Itoa(version))
	} else if err := p.declared(r, s.Name); err != nil {
		refuse(w, r, p.Log, err)
		return
	}
	answer(w, http.StatusOK, s)
}

// declared returns a ModelNotFoundError where no model has that name.
func (p *Predictions) declared(r *http.Request, name string) error {
	specs, err := p.Catalog.Specs(r.Context())
	if err != nil {
		return err
	}
	for _, m := range specs.Models {
		if m.Name == name {
			return nil
		}
	}
	return retrain.Errorf(retrain.ModelNotFoundError, "no model %q", name)
}

func (p *Predictions) readyz(w http.ResponseWriter, _ *http.Request) {
	if !p.Live.Ready() {
		answer(w, http.StatusServiceUnavailable, map[string]any{"ready": false, "reason": "not every champion is loaded yet"})
		return
	}
	answer(w, http.StatusOK, map[string]bool{"ready": true})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]bool{"live": true})
}
