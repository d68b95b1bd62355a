package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"retrain"
	"retrain/api"
	"retrain/internal/app"
)

func (c *Control) resources(_ http.ResponseWriter, r *http.Request) (any, error) {
	specs, err := c.App.Catalog.Specs(r.Context())
	list := []retrain.Resource{}
	for _, res := range specs.Resources {
		if sees(by(r), res.Name) {
			list = append(list, res)
		}
	}
	return api.Resources{Resources: list}, err
}

func (c *Control) resource(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Catalog.Resource(r.Context(), r.PathValue("resource"))
}

// count counts records.
func (c *Control) count(_ http.ResponseWriter, r *http.Request) (any, error) {
	data, err := c.dataset(r)
	if err != nil {
		return nil, err
	}
	n := 0
	for table, err := range c.App.Source.Tables(r.Context(), data) {
		if err != nil {
			return nil, err
		}
		n += table.Rows
	}
	return api.Count{Resource: data.Resource, Count: n}, nil
}

// fields tells which kinds of values the fields of a resource have.
func (c *Control) fields(_ http.ResponseWriter, r *http.Request) (any, error) {
	resource, err := c.App.Catalog.Resource(r.Context(), r.PathValue("resource"))
	if err != nil {
		return nil, err
	}
	found, err := c.App.Source.Fields(r.Context(), resource)
	answer := api.Fields{Resource: resource.Name, Fields: make([]api.Field, len(found))}
	for i := range found {
		f := api.Field{Name: found[i].Name, Mixed: found[i].Mixed()}
		for _, k := range found[i].Kinds {
			f.Kinds = append(f.Kinds, api.FieldKind(k))
		}
		answer.Fields[i] = f
	}
	return answer, err
}

// listRecords writes a record a line. What goes wrong on the way cuts the answer off.
func (c *Control) listRecords(w http.ResponseWriter, r *http.Request) {
	refuse := problems(c.App.Log)
	limit, err := numberFrom(r, "limit", 1000)
	if err != nil {
		refuse(w, r, err)
		return
	}
	data, err := c.dataset(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", ndjson)
	out, n := json.NewEncoder(w), 0
	out.SetEscapeHTML(false)
	for table, err := range c.App.Source.Tables(r.Context(), data) {
		if err != nil {
			c.abort(w, r, n, err)
			return
		}
		for record := range table.Records() {
			if err := out.Encode(record); err != nil {
				return // nobody listens
			}
			if n++; n == limit {
				return
			}
		}
	}
}

// abort ends an answer that is under way, so that nobody takes it for the whole. One that has not begun is an error's.
func (c *Control) abort(w http.ResponseWriter, r *http.Request, written int, err error) {
	if written == 0 {
		problems(c.App.Log)(w, r, err)
		return
	}
	if r.Context().Err() == nil {
		c.App.Log.WarnContext(r.Context(), "an answer was cut off", "path", r.URL.Path, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// dataset returns what the query names of the path's resource.
func (c *Control) dataset(r *http.Request) (retrain.Dataset, error) {
	res, err := c.App.Catalog.Resource(r.Context(), r.PathValue("resource"))
	if err != nil {
		return retrain.Dataset{}, err
	}
	p, err := partitionOf(&res, r.URL.Query().Get("partition"), r.URL.Query().Get("values"))
	if err != nil {
		return retrain.Dataset{}, err
	}
	return c.App.Source.Snapshot(r.Context(), res, p)
}

// partitionOf reads a partition's name and values, as k=v,…; nil is the whole resource.
func partitionOf(r *retrain.Resource, name, values string) (*retrain.PartitionRef, error) {
	if name == "" {
		if values != "" {
			return nil, retrain.Errorf(retrain.DataValidationError, "values without a partition")
		}
		return nil, nil //nolint:nilnil // no partition is the whole resource
	}
	fields, ok := r.Partitions[name]
	if !ok && r.Source != "s3db" { // whose database may have it: who reads it looks
		return nil, retrain.Errorf(retrain.NotFoundError, "resource %q has no partition %.100q", r.Name, name)
	}
	p := &retrain.PartitionRef{Name: name, Values: make(map[string]any)}
	for pair := range strings.SplitSeq(values, ",") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			p.Values[strings.TrimSpace(k)] = v
		}
	}
	if i := slices.IndexFunc(fields, func(f string) bool { return p.Values[f] == nil }); i >= 0 {
		return nil, retrain.Errorf(retrain.DataValidationError, "partition %s needs a value for %s", name, fields[i]).
			WithHint("values=%s=…", strings.Join(fields, "=…,"))
	}
	return p, nil
}

// declareResource, declareModel and apply store what is declared.
func (c *Control) declareResource(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.declare(w, r, "resources", r.PathValue("resource"))
}

func (c *Control) declareModel(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.declare(w, r, "models", r.PathValue("model"))
}

// declare applies the one thing that stands in the request's body, as it would stand in a file under its name.
func (c *Control) declare(w http.ResponseWriter, r *http.Request, kind, name string) (any, error) {
	b, err := body(w, r, mostDeclared)
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "the request cannot be read: %w", err)
	}
	if given, ok := spec["name"]; ok && given != name {
		return nil, retrain.Errorf(retrain.DataValidationError, "the path names %q, and the body %q", name, given)
	}
	if learns, ok := spec["resource"].(string); ok && kind == "models" && !sees(by(r), learns) {
		return nil, refused("the key %q is not for the resource %.100q", by(r).Name, learns)
	}
	delete(spec, "name")
	file, err := json.Marshal(map[string]any{kind: map[string]any{name: spec}})
	if err != nil {
		return nil, err
	}
	return c.applied(r.Context(), file, false)
}

// The largest declaration, in bytes.
const mostDeclared = 4 << 20

func (c *Control) apply(w http.ResponseWriter, r *http.Request) (any, error) {
	dry, err := truth(r, "dryRun")
	if err != nil {
		return nil, err
	}
	b, err := body(w, r, mostDeclared)
	if err != nil {
		return nil, err
	}
	return c.applied(r.Context(), b, dry)
}

// applied checks a file and, unless it is a dry run, stores what it declares.
func (c *Control) applied(ctx context.Context, file []byte, dry bool) (any, error) {
	declared, err := app.Parse("the request", file)
	if err != nil {
		return nil, err
	}
	if len(declared.Models)+len(declared.Resources) == 0 {
		return nil, retrain.Errorf(retrain.ModelConfigError, "the request declares neither resources nor models")
	}
	answer := api.Applied{Applied: []string{}, Unchanged: []string{}}
	if !dry {
		answer.Applied, answer.Unchanged, err = c.App.Apply(ctx, declared)
		return answer, err
	}
	stored, err := c.App.Specs.Specs(ctx)
	if err != nil {
		return nil, err
	}
	if err := declared.CheckModels(stored.Resources); err != nil {
		return nil, err
	}
	differences, _, err := app.Diff(stored, declared.Specs())
	for _, d := range differences {
		answer.Applied = append(answer.Applied, d.Name)
	}
	return answer, err
}

// spec says how a model was declared.
func (c *Control) spec(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.App.Catalog.Model(r.Context(), r.PathValue("model"))
}
