package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"retrain"
	"retrain/internal/dialect"
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

func available(version int) versionStatus {
	return versionStatus{strconv.Itoa(version), "AVAILABLE", servingError{Code: "OK"}}
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

// status answers which versions of a model answer, the newest first; or whether a certain one does, which is loaded for that.
func (p *Predictions) status(w http.ResponseWriter, r *http.Request) {
	s := modelStatus{Name: r.PathValue("model"), Versions: []versionStatus{}}
	which, err := whichOf(r)
	if err == nil && which != (retrain.Which{}) {
		err = p.statusOf(w, r, which, &s)
	} else if err == nil {
		err = p.statusOfAll(w, r, &s)
	}
	if err != nil {
		refuse(w, r, p.Log, servable(r, err))
		return
	}
	answer(w, http.StatusOK, s)
}

func (p *Predictions) statusOf(w http.ResponseWriter, r *http.Request, which retrain.Which, s *modelStatus) error {
	a := &ask{model: s.Name, which: which}
	if err := p.use(w, r, a); err != nil {
		return err
	}
	defer a.version.Done()
	s.Ready, s.Versions = true, append(s.Versions, available(a.version.Version()))
	return nil
}

func (p *Predictions) statusOfAll(w http.ResponseWriter, r *http.Request, s *modelStatus) error {
	for _, version := range slices.Backward(p.Models.Loaded(s.Name)) {
		s.Versions = append(s.Versions, available(version))
	}
	for _, no := range p.Models.Refused() {
		if no.Model == s.Name {
			s.Versions = append(s.Versions, versionStatus{strconv.Itoa(no.Version), "END", servingError{"FAILED_PRECONDITION", no.Reason}})
		}
	}
	if version := p.Models.Version(s.Name); version != 0 {
		s.Ready = true
		w.Header().Set("X-Model-Version", strconv.Itoa(version))
		return nil
	}
	return p.declared(r, s.Name)
}

// metadata answers what a version takes and gives.
func (p *Predictions) metadata(w http.ResponseWriter, r *http.Request) {
	err := p.described(w, r, func(s *dialect.Schema) any { return s.Metadata() })
	if err != nil {
		refuse(w, r, p.Log, servable(r, err))
	}
}

// described answers with what is said of the version that is asked for, unless it returns an error.
func (p *Predictions) described(w http.ResponseWriter, r *http.Request, say func(s *dialect.Schema) any) error {
	a := &ask{model: r.PathValue("model")}
	var err error
	if a.which, err = whichOf(r); err != nil {
		return err
	}
	if err := p.use(w, r, a); err != nil {
		return err
	}
	defer a.version.Done()
	s, err := p.schema(a)
	if err != nil {
		return err
	}
	return write(w, say(s))
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
	if !p.Models.Ready() {
		answer(w, http.StatusServiceUnavailable, map[string]any{"ready": false, "reason": "not every champion is loaded yet"})
		return
	}
	answer(w, http.StatusOK, map[string]bool{"ready": true})
}

func alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive"})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]bool{"live": true})
}

// schemas keeps what was read of manifests.
type schemas struct {
	mu    sync.Mutex // guards the following
	known map[*retrain.Manifest]*dialect.Schema
}

// Versions whose schemas are kept. Beyond that all are forgotten, and read again as they are needed.
const mostSchemas = 256

// of returns the schema of a version.
func (c *schemas) of(mf *retrain.Manifest) (*dialect.Schema, error) {
	if mf == nil {
		return nil, errors.New("a version without a manifest")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.known[mf]; s != nil {
		return s, nil
	}
	s, err := dialect.SchemaOf(mf)
	if err != nil {
		return nil, err
	}
	if c.known == nil || len(c.known) >= mostSchemas {
		c.known = make(map[*retrain.Manifest]*dialect.Schema)
	}
	c.known[mf] = s
	return s, nil
}
