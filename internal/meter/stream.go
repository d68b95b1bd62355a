package meter

import (
	"context"
	"iter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"retrain"
)

// Stream counts the events that a process follows.
type Stream struct {
	prometheus.Collector

	lag    prometheus.Observer
	gaps   prometheus.Counter
	broken prometheus.Counter
}

// NewStream returns counts of nothing.
func NewStream() *Stream {
	lag := durations("retrain_stream_lag_seconds", "How long after it happened an event was heard of.", 0.001, 4, 9)
	gaps := counters("retrain_stream_gaps_total", "How often events were missed, and everything was read anew.")
	broken := counters("retrain_stream_errors_total", "How often the stream broke off.")
	return &Stream{group{lag, gaps, broken}, lag.WithLabelValues(), gaps.WithLabelValues(), broken.WithLabelValues()}
}

// Follower returns a follower whose events are counted.
func (s *Stream) Follower(f retrain.Follower) retrain.Follower { return followed{f, s} }

type followed struct {
	retrain.Follower
	on *Stream
}

// Events implements retrain.Follower.
func (f followed) Events(ctx context.Context) iter.Seq2[retrain.Event, error] {
	return func(yield func(retrain.Event, error) bool) {
		connected := false
		for e, err := range f.Follower.Events(ctx) {
			switch {
			case err != nil:
				f.on.broken.Inc()
			case e.Type == "" && connected:
				f.on.gaps.Inc()
			case e.Type == "":
				connected = true
			default:
				f.on.lag.Observe(max(0, time.Since(e.At).Seconds())) // another machine's clock may be ahead
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
