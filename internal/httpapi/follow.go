package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"retrain"
	"retrain/tasks"
)

// How often a follower is told that nothing has happened, so that nobody in between hangs up.
const heartbeat = 15 * time.Second

// The form of the ids of events.
var eventID = regexp.MustCompile(`^\d{1,19}-\d{1,19}$`)

// listen sends what happens after an event until ctx ends.
func (c *Control) listen(ctx context.Context, after string, happened chan<- tasks.Entry) {
	defer close(happened)
	for e, err := range c.App.Stream.After(ctx, after) {
		if err != nil {
			continue // it goes on by itself
		}
		select {
		case happened <- e:
		case <-ctx.Done():
			return
		}
	}
}

// follow sends what happens as server-sent events, each with its id. Whoever was cut off says the last id that he has seen, and
// goes on after it; where that is too long ago, an event of type gap says that something is missing: look at the models again.
func (c *Control) follow(w http.ResponseWriter, r *http.Request) {
	after := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"))
	if after != "" && !eventID.MatchString(after) {
		problems(c.App.Log)(w, r, retrain.Errorf(retrain.DataValidationError, "%.60q is not the id of an event", after))
		return
	}
	w.Header().Set("Content-Type", eventStream)
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	happened := make(chan tasks.Entry)
	go c.listen(r.Context(), after, happened)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	first := true
	for {
		text := ":\n\n"
		select {
		case e, ok := <-happened:
			if !ok {
				return
			}
			text, first = c.told(r, &e, first && (after == "" || e.ID == after)), false
		case <-beat.C:
		case <-c.closing:
			return
		}
		if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
			return // the follower is gone
		}
	}
}

// told returns an event as text; a comment for one that the request's key is not for.
func (c *Control) told(r *http.Request, e *tasks.Entry, begins bool) string {
	switch {
	case e.Type == "" && begins:
		return ": following\n\n"
	case e.Type == "":
		return fmt.Sprintf("id: %s\nevent: gap\ndata: {}\n\n", e.ID)
	case !c.concerns(r, e.Model):
		return fmt.Sprintf("id: %s\n\n", e.ID)
	}
	b, err := json.Marshal(e.Event)
	if err != nil {
		return ":\n\n"
	}
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Type, b)
}

// concerns reports whether the request's key is for a model, or for what has none.
func (c *Control) concerns(r *http.Request, model string) bool {
	k := by(r)
	if k == nil || len(k.Resources) == 0 {
		return true
	}
	m, err := c.App.Catalog.Model(r.Context(), model)
	return err == nil && sees(k, m.Resource)
}
