package taskstest

import (
	"context"
	"iter"
	"time"

	"retrain"
)

// A Stream does what tasks.Stream does.
type Stream struct {
	Server *Server
	Do     Do
}

var (
	_ retrain.Announcer = (*Stream)(nil)
	_ retrain.Follower  = (*Stream)(nil)
)

// Announce tells everybody who follows.
func (s *Stream) Announce(ctx context.Context, e retrain.Event) error {
	return s.Do.call("announce "+e.Model, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.Server.mu.Lock()
		defer s.Server.mu.Unlock()
		s.Server.events = append(s.Server.events, e)
		if s.Server.told != nil {
			close(s.Server.told)
			s.Server.told = nil
		}
		return nil
	})
}

// How long a follower waits after an error.
const followPause = time.Second

// Events yields what is announced from now on, a zero Event first and after every gap, until ctx ends.
func (s *Stream) Events(ctx context.Context) iter.Seq2[retrain.Event, error] {
	return func(yield func(retrain.Event, error) bool) {
		at := -1 // not connected
		for ctx.Err() == nil {
			var news []retrain.Event
			var told <-chan struct{}
			err := s.Do.call("follow", func() error {
				at, news, told = s.Server.since(at)
				return nil
			})
			pause := told
			if err != nil {
				if !yield(retrain.Event{}, err) {
					return
				}
				pause = nil
			}
			for _, e := range news {
				if !yield(e, nil) {
					return
				}
			}
			if len(news) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
			case <-pause:
			case <-time.After(followPause):
			}
		}
	}
}

// since returns the events after the first at, a zero one where it cannot know them, and what is closed at the next.
func (s *Server) since(at int) (int, []retrain.Event, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = make(chan struct{})
	}
	end := len(s.events)
	if at < 0 || at > end {
		return end, []retrain.Event{{}}, s.told
	}
	return end, append([]retrain.Event{}, s.events[at:]...), s.told
}
