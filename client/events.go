package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"retrain"
)

// An Event is something that happened, with its place in the stream.
type Event struct {
	retrain.Event

	ID string // where to go on after it
}

// Events yields what happens after the event of an id, or from now on for "", until ctx ends. When the connection is lost it goes on
// where it was, and yields why. An event without a type says that some are missing: look at the models again. An error that trying
// again cannot mend ends it.
func (c *Client) Events(ctx context.Context, after string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for ctx.Err() == nil {
			more, err := c.follow(ctx, &after, yield)
			if !more || ctx.Err() != nil {
				return
			}
			lasting := err != nil && !errors.Is(err, retrain.UnavailableError) && !errors.Is(err, retrain.OverloadedError)
			if !yield(Event{ID: after}, err) || lasting {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// follow yields events as long as a connection lasts. It reports whether more are wanted, and why the connection ended.
func (c *Client) follow(ctx context.Context, after *string, yield func(Event, error) bool) (more bool, err error) {
	what := &call{method: http.MethodGet, url: c.at("/v1/events"), header: http.Header{"Accept": {"text/event-stream"}}}
	if *after != "" {
		what.header.Set("Last-Event-ID", *after)
	}
	got, err := c.open(ctx, what, nil)
	if err != nil {
		return true, err
	}
	defer func() { _ = got.Body.Close() }() // it was read
	if got.StatusCode != http.StatusOK {
		return true, refusal(got)
	}
	lines := bufio.NewScanner(got.Body)
	lines.Buffer(nil, 1<<20)
	var kind, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			*after = value
		case "event":
			kind = value
		case "data":
			data = value
		}
		if lines.Text() != "" {
			continue
		}
		if kind != "" && !yield(read(*after, data)) {
			return false, nil
		}
		kind, data = "", ""
	}
	err = lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return true, unanswered(what.url, err)
}

func read(id, data string) (Event, error) {
	e := Event{ID: id}
	if err := json.Unmarshal([]byte(data), &e.Event); err != nil {
		return e, retrain.Errorf(retrain.UnavailableError, "an event: %w", err)
	}
	return e, nil
}
