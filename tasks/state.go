package tasks

import (
	"fmt"
	"strconv"
	"time"

	"retrain"
)

// The fields of a model's state are those of retrain.State, absent where they are zero, times as RFC 3339. Besides:
//
//	taker    the run that the taken batches belong to
//	before   what since was before the run at work began
//	settled  the highest run that has ended

// readState returns the state that a HASH holds, given as field, value, ...
func readState(pairs []string) (s retrain.State, err error) {
	h := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	for field, n := range map[string]*int{"inserted": &s.Inserted, "needs": &s.Needs, "failures": &s.Failures, "latest": &s.Latest,
		"running": &s.Running, "queued": &s.Queued, "attempt": &s.Attempt} {
		if v, ok := h[field]; ok {
			if *n, err = strconv.Atoi(v); err != nil {
				return s, fmt.Errorf("field %s of the state: %w", field, err)
			}
		}
	}
	for field, t := range map[string]*time.Time{"since": &s.Since, "notBefore": &s.NotBefore, "handed": &s.Handed} {
		if v, ok := h[field]; ok {
			if *t, err = time.Parse(time.RFC3339Nano, v); err != nil {
				return s, fmt.Errorf("field %s of the state: %w", field, err)
			}
		}
	}
	s.LastError, s.Paused = h["lastError"], h["paused"] != ""
	return s, nil
}

// writeState returns s as field, value, ... for a HASH that readState reads. The run at work is the one that took the taken
// batches; whatever is neither at work nor queued has ended.
func writeState(s retrain.State) []any {
	settled := s.Latest
	for _, open := range []int{s.Queued, s.Running} {
		if open != 0 {
			settled = min(settled, open-1)
		}
	}
	fields := []any{"latest", s.Latest, "settled", settled}
	for _, f := range []struct {
		name  string
		value int
	}{{"inserted", s.Inserted}, {"needs", s.Needs}, {"failures", s.Failures}, {"running", s.Running}, {"taker", s.Running},
		{"queued", s.Queued}, {"attempt", s.Attempt}} {
		if f.value != 0 {
			fields = append(fields, f.name, f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value time.Time
	}{{"since", s.Since}, {"notBefore", s.NotBefore}, {"handed", s.Handed}} {
		if !f.value.IsZero() {
			fields = append(fields, f.name, timeText(f.value))
		}
	}
	if s.LastError != "" {
		fields = append(fields, "lastError", s.LastError)
	}
	if s.Paused {
		fields = append(fields, "paused", 1)
	}
	return fields
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
