package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/dialect"
)

// openInference are the routes of the Open Inference Protocol, and of the model repository as Triton has extended it.
func (p *Predictions) openInference() []Route {
	list := []Route{
		{http.MethodGet, "/v2", "what server this is", p.server},
		{http.MethodGet, "/v2/health/live", "whether the process lives", healthz},
		{http.MethodGet, "/v2/health/ready", "whether every champion is loaded", p.serverReady},
		{http.MethodPost, "/v2/repository/index", "all models, with the versions that are loaded", p.index},
		{http.MethodPost, "/v2/repository/models/{model}/load", "sees to it that the champion is loaded", p.loadModel},
		{http.MethodPost, "/v2/repository/models/{model}/unload", "is refused: whatever is declared is served", p.unloadModel},
	}
	for _, which := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		list = append(list,
			Route{http.MethodGet, which, "what a version takes and gives", p.describe},
			Route{http.MethodGet, which + "/ready", "whether a version answers", p.modelReady},
			Route{http.MethodPost, which + "/infer", "predictions for tensors", p.asked(p.infer)})
	}
	return list
}

func (p *Predictions) server(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"name": "retrain", "version": app.Version, "extensions": []string{"model_repository", "binary_tensor_data"}})
}

func (p *Predictions) serverReady(w http.ResponseWriter, _ *http.Request) {
	ready := p.Models.Ready()
	code := http.StatusOK
	if !ready {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]bool{"live": true, "ready": ready})
}

// describe answers what a version takes and gives. Its versions are those that are loaded, the newest last.
func (p *Predictions) describe(w http.ResponseWriter, r *http.Request) {
	err := p.described(w, r, func(s *dialect.Schema) any {
		loaded := p.Models.Loaded(s.Model)
		if !slices.Contains(loaded, s.Version) {
			loaded = append(loaded, s.Version)
		}
		versions := make([]string, len(loaded))
		for i, v := range loaded {
			versions[i] = strconv.Itoa(v)
		}
		return s.InferMetadata(versions)
	})
	if err != nil {
		refuse(w, r, p.Log, err)
	}
}

// modelReady answers whether a version is loaded. It does not load one.
func (p *Predictions) modelReady(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("model")
	which, err := whichOf(r)
	if err == nil && p.Models.Version(name) == 0 {
		err = p.declared(r, name)
	}
	if err != nil {
		refuse(w, r, p.Log, err)
		return
	}
	version := which.Version
	if version == 0 {
		version = p.Models.Version(name)
	}
	code, ready := http.StatusOK, version != 0 && slices.Contains(p.Models.Loaded(name), version)
	if ready {
		w.Header().Set("X-Model-Version", strconv.Itoa(version))
	} else {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"name": name, "ready": ready})
}

// infer answers tensors.
func (p *Predictions) infer(w http.ResponseWriter, r *http.Request, a *ask) error {
	s, err := p.schema(a)
	if err != nil {
		return err
	}
	header, err := headerLength(r, len(a.body))
	if err != nil {
		return err
	}
	in, err := s.ReadInfer(a.body, header)
	if err != nil {
		return err
	}
	predictions, err := p.predictions(r.Context(), a, &in.Question)
	if err != nil {
		return err
	}
	text, tensors, err := s.InferAnswer(in, predictions)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if tensors != nil {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set(inferenceHeader, strconv.Itoa(len(text)))
	}
	_, _ = w.Write(append(text, tensors...)) // whoever has gone away hears nothing
	return nil
}

// inferenceHeader says how long the JSON is before which binary tensors stand.
const inferenceHeader = "Inference-Header-Content-Length"

func headerLength(r *http.Request, body int) (int, error) {
	text := r.Header.Get(inferenceHeader)
	if text == "" {
		return body, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > body {
		return 0, retrain.Errorf(retrain.DataValidationError, "%s is %.40q: the body has %d bytes", inferenceHeader, text, body)
	}
	return n, nil
}

// An indexed is a version in the list of all.
type indexed struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

// index answers with the versions of all models.
func (p *Predictions) index(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Ready bool `json:"ready"`
	}
	b, err := body(w, r, 1<<20)
	if err == nil && len(b) > 0 {
		if bad := json.Unmarshal(b, &request); bad != nil {
			err = retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", bad).WithHint(`send {"ready":true}, or nothing`)
		}
	}
	specs, known := retrain.Specs{}, err
	if known == nil {
		specs, known = p.Catalog.Specs(r.Context())
	}
	if known != nil {
		refuse(w, r, p.Log, known)
		return
	}
	list := []indexed{}
	for _, m := range specs.Models {
		for _, i := range p.indexOf(m.Name) {
			if i.State == "READY" || !request.Ready {
				list = append(list, i)
			}
		}
	}
	answer(w, http.StatusOK, list)
}

func (p *Predictions) indexOf(model string) (list []indexed) {
	for _, version := range p.Models.Loaded(model) {
		list = append(list, indexed{Name: model, Version: strconv.Itoa(version), State: "READY"})
	}
	for _, no := range p.Models.Refused() {
		if no.Model == model {
			list = append(list, indexed{model, strconv.Itoa(no.Version), "UNAVAILABLE", no.Reason})
		}
	}
	if list == nil {
		list = append(list, indexed{Name: model, State: "UNAVAILABLE", Reason: "no version of it is loaded"})
	}
	return list
}

// loadModel waits until the champion is loaded. It is anyhow, soon: this is for clients that ask for it before they predict.
func (p *Predictions) loadModel(w http.ResponseWriter, r *http.Request) {
	a := &ask{model: r.PathValue("model")}
	if err := p.use(w, r, a); err != nil {
		refuse(w, r, p.Log, err)
		return
	}
	a.version.Done()
	answer(w, http.StatusOK, struct{}{})
}

func (p *Predictions) unloadModel(w http.ResponseWriter, r *http.Request) {
	err := p.declared(r, r.PathValue("model"))
	if err == nil {
		err = retrain.Errorf(retrain.DataValidationError, "models are not unloaded by hand: what is declared is served").
			WithHint("producer dispose %s forgets a model", r.PathValue("model"))
	}
	refuse(w, r, p.Log, err)
}
