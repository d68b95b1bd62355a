package httpapi

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"

	"retrain"
)

// replace puts records in the place of those with their ids, and change only their fields: those of a list, or objects one after the
// other; or, where the path names one, its fields.
func (c *Control) replace(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.update(w, r, true)
}

func (c *Control) change(w http.ResponseWriter, r *http.Request) (any, error) {
	return c.update(w, r, false)
}

func (c *Control) update(w http.ResponseWriter, r *http.Request, replace bool) (any, error) {
	b, err := body(w, r, mostInserted)
	if err != nil {
		return nil, err
	}
	records, err := recordsOf(b)
	if err != nil {
		return nil, err
	}
	if id := r.PathValue("id"); id != "" {
		if len(records) != 1 || records[0].ID() != "" && records[0].ID() != id {
			return nil, retrain.Errorf(retrain.DataValidationError, "the path names record %q, and the body is another, or several", id)
		}
		records[0]["id"] = id
	}
	return c.App.Inserter.Update(r.Context(), c.batch(r, records), replace)
}

// remove deletes the record that the path names, or those of a list of ids.
func (c *Control) remove(w http.ResponseWriter, r *http.Request) (any, error) {
	ids := []any{r.PathValue("id")}
	if ids[0] == "" {
		b, err := body(w, r, mostInserted)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(bytes.TrimSpace(b), &ids); err != nil || len(ids) == 0 {
			return nil, retrain.Errorf(retrain.DataValidationError, "a deletion needs a list of ids").WithHint(`send ["1","2"], or name one in the path`)
		}
	}
	records := make([]retrain.Record, len(ids))
	for i, id := range ids {
		records[i] = retrain.Record{"id": id}
	}
	return c.App.Inserter.Delete(r.Context(), c.batch(r, records))
}

// batch is what a request brings.
func (c *Control) batch(r *http.Request, records []retrain.Record) retrain.Batch {
	key := r.Header.Get("Idempotency-Key")
	return retrain.Batch{ID: cmp.Or(key, rand.Text()), Fresh: key == "", Resource: r.PathValue("resource"), At: time.Now(), Records: records}
}
