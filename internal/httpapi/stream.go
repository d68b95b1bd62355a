package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"retrain"
)

// How often the state is looked at for a page that shows it.
const look = 500 * time.Millisecond

// stream sends the state of all models as server-sent events, each time that something in it has changed.
func (c *Control) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	var sent []byte
	for {
		if event := c.event(r); !bytes.Equal(event, sent) {
			if _, err := w.Write(event); err != nil || out.Flush() != nil {
				return // the page is closed
			}
			sent = event
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

// event returns the state, or why it is not known, as one server-sent event.
func (c *Control) event(r *http.Request) []byte {
	all, err := c.App.Status(r.Context(), "")
	name, v := "status", any(map[string]any{"models": all})
	if err != nil {
		e, _ := errors.AsType[*retrain.Error](err)
		if e == nil {
			e = retrain.Errorf(retrain.MLError, "internal error")
		}
		name, v = "problem", problem{Error: e.Message, Code: e.Code, Hint: e.Hint}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Appendf(nil, "event: problem\ndata: {\"error\":%q}\n\n", err)
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, b)
}
