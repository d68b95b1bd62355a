package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"retrain/api"
)

// stream sends how things stand as server-sent events, each time that something has changed: all models, as "status"; with
// ?changes=true what has changed alone, as "models", "plant" and "errors"; with ?model=NAME one model and the curve of its run, as
// "model". What keeps it from knowing is sent as "problem".
func (c *Control) stream(w http.ResponseWriter, r *http.Request) {
	model := r.URL.Query().Get("model")
	if model != "" {
		m, err := c.App.Catalog.Model(r.Context(), model)
		if err == nil {
			err = allowed(by(r), []string{m.Resource})
		}
		if err != nil {
			problems(c.App.Log)(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	f := &feed{Writer: w, flush: http.NewResponseController(w).Flush, to: by(r)}
	switch {
	case model != "":
		c.streamModel(r, f, model)
	case r.URL.Query().Get("changes") == "true":
		c.streamPictures(r, f.changes)
	default:
		c.streamPictures(r, f.whole)
	}
}

// streamPictures gives each new picture to send, until that fails or somebody ends it.
func (c *Control) streamPictures(r *http.Request, send func(*picture) error) {
	leave := c.watch.join() //nolint:contextcheck // it looks for other pages, too, as long as the server lives
	defer leave()
	for {
		p, next := c.watch.now()
		if p.number > 0 && send(p) != nil {
			return // the page is closed
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return
		case <-c.closing:
			return
		}
	}
}

func (c *Control) streamModel(r *http.Request, f *feed, model string) {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	var sent []byte
	for {
		name, b := "model", c.modelNow(r, model)
		if b == nil {
			return // nobody listens
		}
		if b[0] != '{' {
			name, b = "problem", b[1:]
		}
		if !bytes.Equal(b, sent) {
			if f.send(name, b) != nil || f.flush() != nil {
				return
			}
			sent = b
		}
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			return
		case <-c.closing:
			return
		}
	}
}

// modelNow returns a model's status as JSON, or '!' and why it is not known.
func (c *Control) modelNow(r *http.Request, model string) []byte {
	all, err := c.App.Status(r.Context(), model)
	if r.Context().Err() != nil {
		return nil
	}
	var b []byte
	if err == nil {
		b, err = json.Marshal(all[0])
	}
	if err != nil {
		return append([]byte("!"), problemOf(r.Context(), c.App.Log, err)...)
	}
	return b
}

// A feed is a connection that events are sent on.
type feed struct {
	io.Writer

	to    *api.Key // whose it is: he sees what the key is for; nil: everything
	flush func() error
	seen  int    // the number of the picture sent last
	sent  []byte // what whole has sent last
}

func (f *feed) send(name string, b []byte) error {
	_, err := fmt.Fprintf(f, "event: %s\ndata: %s\n\n", name, b)
	return err
}

// whole sends all models.
func (f *feed) whole(p *picture) error {
	name, v := "status", any(map[string][]json.RawMessage{"models": f.models(p, 0)})
	if p.problem != nil {
		name, v = "problem", json.RawMessage(p.problem)
	}
	b, err := json.Marshal(v)
	if err != nil || bytes.Equal(b, f.sent) { // something else has changed
		return err
	}
	if err := f.send(name, b); err != nil {
		return err
	}
	f.sent = b
	return f.flush()
}

// changed is what is sent of models.
type changed struct {
	All    bool              `json:"all,omitempty"` // these are all models; otherwise those that have changed
	Models []json.RawMessage `json:"models"`
	Gone   []string          `json:"gone,omitempty"` // models that are no longer declared
}

// changes sends what has changed since the picture before: everything at first.
func (f *feed) changes(p *picture) error {
	if p.problem != nil {
		return f.done(p.number, f.send("problem", p.problem))
	}
	whole := f.to == nil || len(f.to.Resources) == 0 // what has no resource is for those who see all
	models := changed{All: f.seen == 0, Models: f.models(p, f.seen)}
	for model, since := range p.gone {
		if f.seen > 0 && since > f.seen && whole {
			models.Gone = append(models.Gone, model)
		}
	}
	b, err := json.Marshal(models)
	if err == nil {
		err = f.send("models", b)
	}
	if err == nil && whole && p.plant.since > f.seen {
		err = f.send("plant", p.plant.json)
	}
	if err == nil && whole && p.errors.since > f.seen {
		err = f.send("errors", p.errors.json)
	}
	return f.done(p.number, err)
}

// done flushes what was sent of a picture. After one with a problem the pages know again what has changed by what follows.
func (f *feed) done(number int, err error) error {
	if err != nil {
		return err
	}
	f.seen = number
	return f.flush()
}

func (f *feed) models(p *picture, since int) []json.RawMessage {
	list := []json.RawMessage{}
	for i := range p.lines {
		if p.lines[i].since > since && sees(f.to, p.lines[i].resource) {
			list = append(list, p.lines[i].json)
		}
	}
	return list
}
