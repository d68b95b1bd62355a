package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/redis/go-redis/v9"

	"retrain"
)

// Stream carries events to everybody who follows.
type Stream struct{ Conn *Conn }

var (
	_ retrain.Announcer = (*Stream)(nil)
	_ retrain.Follower  = (*Stream)(nil)
)

const (
	eventsKept = 10_000          // about; who is further behind has a gap
	eventsWait = 2 * time.Second // how long one look at the stream waits, and so how late a stream that was lost is noticed
)

// Announce tells everybody who follows.
func (s *Stream) Announce(ctx context.Context, e retrain.Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.Conn.fault(announceScript.Run(ctx, s.Conn.Redis, []string{eventsKey}, eventsKept, b).Err(), "announce")
}

// Events yields what is announced from now on, until ctx ends. It begins with a zero Event once it is connected, and yields
// another after every gap: whoever reads the truth then has missed nothing. It goes on after yielding an error, later each
// time.
func (s *Stream) Events(ctx context.Context) iter.Seq2[retrain.Event, error] {
	return func(yield func(retrain.Event, error) bool) {
		for e, err := range s.After(ctx, "") {
			if !yield(e.Event, err) {
				return
			}
		}
	}
}

// An Entry is an event with its place in the stream.
type Entry struct {
	retrain.Event

	ID string // of the entry, or of the last one before a zero event; like 1700000000000-0
}

// After yields what was announced after the entry of an id, and goes on as Events does; "" is what is announced from now on.
func (s *Stream) After(ctx context.Context, id string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		// A client of its own, since closing it is what ends a blocked read when ctx ends.
		client := s.Conn.client()
		closeIt := func() { _ = client.Close() }
		defer closeIt()
		defer context.AfterFunc(ctx, closeIt)()
		pause := backoff.NewExponentialBackOff()
		pause.InitialInterval, pause.MaxInterval = 100*time.Millisecond, 5*time.Second
		r := reader{client: client, at: id}
		for ctx.Err() == nil {
			err := r.follow(ctx, func(e retrain.Event) bool {
				pause.Reset()
				return yield(Entry{e, r.at}, nil)
			})
			if err == nil || ctx.Err() != nil {
				return
			}
			if !yield(Entry{}, s.Conn.fault(err, "follow the events")) {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause.NextBackOff()):
			}
		}
	}
}

// A reader is one follower's way along the stream.
type reader struct {
	client redis.UniversalClient
	at     string // the id of the entry read last; "" at first
	number int    // its number
}

// follow yields events: a zero Event first and after each gap, then what comes after the entry read last, or after the
// stream's end at first. It returns nil when yield says false, and otherwise the error that ended it.
func (r *reader) follow(ctx context.Context, yield func(retrain.Event) bool) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if !yield(retrain.Event{}) {
		return nil
	}
	for {
		entries, err := r.read(ctx)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			lost, err := r.startOver(ctx)
			if err != nil {
				return err
			}
			if lost && !yield(retrain.Event{}) {
				return nil
			}
		}
		for _, entry := range entries {
			if !r.pass(entry, yield) {
				return nil
			}
		}
	}
}

// read returns the next entries, none when nothing came for a while.
func (r *reader) read(ctx context.Context) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, eventsWait+2*time.Second) // a connection that is half open would hang for ever
	defer cancel()
	streams, err := r.client.XRead(ctx, &redis.XReadArgs{Streams: []string{eventsKey}, ID: r.at, Count: 100, Block: eventsWait}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}

// pass yields an entry's event, after a zero one when entries before it are missing.
func (r *reader) pass(entry redis.XMessage, yield func(retrain.Event) bool) bool {
	number, event, err := decode(entry)
	gap := err != nil || number != r.number+1
	r.at, r.number = entry.ID, number
	if gap && !yield(retrain.Event{}) {
		return false
	}
	return err != nil || yield(event)
}

// connect goes to the stream's end at first, and looks what became of it later.
func (r *reader) connect(ctx context.Context) error {
	if r.at != "" {
		lost, err := r.startOver(ctx)
		if err != nil || lost || r.number != 0 {
			return err
		}
		return r.find(ctx)
	}
	last, err := r.last(ctx)
	if err == nil {
		r.goTo(last)
	}
	return err
}

// find reads the number of the entry that somebody has seen before; where it is gone, the next one comes after a gap.
func (r *reader) find(ctx context.Context) error {
	seen, err := r.client.XRangeN(ctx, eventsKey, r.at, r.at, 1).Result()
	if err == nil && len(seen) == 1 {
		r.goTo(seen[0])
	}
	return err
}

// startOver goes to the stream's end where that lies before the entry read last: the stream was lost, and may have begun
// anew. It reports whether that is so.
func (r *reader) startOver(ctx context.Context) (bool, error) {
	last, err := r.last(ctx)
	if err != nil || !before(last.ID, r.at) {
		return false, err
	}
	r.goTo(last)
	return true, nil
}

func (r *reader) goTo(entry redis.XMessage) {
	r.at = entry.ID
	r.number, _, _ = decode(entry) // 0 for none; whatever it is, the next entry's number tells whether one is missing
}

// last returns the last entry there is, noEntry in an empty stream.
func (r *reader) last(ctx context.Context) (redis.XMessage, error) {
	last, err := r.client.XRevRangeN(ctx, eventsKey, "+", "-", 1).Result()
	if err != nil || len(last) == 0 {
		return redis.XMessage{ID: noEntry}, err
	}
	return last[0], nil
}

// noEntry is the id before all entries.
const noEntry = "0-0"

// before reports whether the entry with id a came before that with id b. Ids are "milliseconds-count".
func before(a, b string) bool {
	ams, an := splitID(a)
	bms, bn := splitID(b)
	return ams < bms || ams == bms && an < bn
}

func splitID(id string) (ms, count uint64) {
	left, right, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(left, 10, 64)
	count, _ = strconv.ParseUint(right, 10, 64)
	return ms, count
}

func decode(entry redis.XMessage) (number int, e retrain.Event, err error) {
	n, _ := entry.Values["number"].(string)
	if number, err = strconv.Atoi(n); err != nil {
		return 0, e, fmt.Errorf("event %s: %w", entry.ID, err)
	}
	b, _ := entry.Values["event"].(string)
	err = json.Unmarshal([]byte(b), &e)
	return number, e, err
}

// Recent returns the events that were announced last, newest first, at most so many.
func (s *Stream) Recent(ctx context.Context, most int) ([]retrain.Event, error) {
	entries, err := s.Conn.Redis.XRevRangeN(ctx, eventsKey, "+", "-", int64(most)).Result()
	if err != nil {
		return nil, s.Conn.fault(err, "read the latest events")
	}
	events := make([]retrain.Event, 0, len(entries))
	for _, entry := range entries {
		if _, e, err := decode(entry); err == nil {
			events = append(events, e)
		}
	}
	return events, nil
}
