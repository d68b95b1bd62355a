package retrain

import (
	"context"
	"iter"
	"time"
)

// An EventType names what happened. It is stored in the stream: never change a value.
type EventType string

// The events.
const (
	RunEnded      EventType = "run-ended"      // a run has its verdict
	ChampionMoved EventType = "champion-moved" // a person promoted or rolled back
	SpecsApplied  EventType = "specs-applied"  // something was declared anew
	Quarantined   EventType = "quarantined"    // a prediction worker refuses a version; the error says why
)

// An Event is a hint that something changed; the truth is always in S3.
type Event struct {
	Type    EventType `json:"type"` // what has happened
	Model   string    `json:"model,omitempty"`
	Run     int       `json:"run,omitempty"` // its number
	State   RunState  `json:"state,omitempty"`
	Version int       `json:"version,omitempty"`
	At      time.Time `json:"at"` // when
	Error   *Error    `json:"error,omitempty"`
}

// An Announcer tells everybody who follows.
type Announcer interface {
	Announce(ctx context.Context, e Event) error
}

// A Follower reads what is announced.
type Follower interface {
	// Events yields what is announced from now on, until ctx ends. It begins with a zero Event once it is connected, and yields
	// another after every gap: whoever reads the truth then has missed nothing. It goes on after yielding an error.
	Events(ctx context.Context) iter.Seq2[Event, error]
}
