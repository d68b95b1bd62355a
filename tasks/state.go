package tasks

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"retrain"
)

// The fields of a model's state are those of retrain.State, absent where they are zero, times in Unix milliseconds of the
// server's clock. Besides:
//
//	taker    the run that the taken batches belong to
//	before   what since was before the run at work began
//	settled  the highest run that has ended
//	now      of what the scripts return: the server's time

// ints and times are the fields of a state.
func ints(s *retrain.State) map[string]*int {
	return map[string]*int{"inserted": &s.Inserted, "setAside": &s.SetAside, "needs": &s.Needs, "failures": &s.Failures, "latest": &s.Latest,
		"running": &s.Running, "queued": &s.Queued, "attempt": &s.Attempt}
}

func times(s *retrain.State) map[string]*time.Time {
	return map[string]*time.Time{"since": &s.Since, "notBefore": &s.NotBefore, "handed": &s.Handed, "rebuilt": &s.Rebuilt, "now": &s.At}
}

// readState returns the state that a HASH holds, given as field, value, ...
func readState(pairs []string) (s retrain.State, err error) {
	h := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return stateOf(h)
}

// stateOf returns the state that a HASH holds.
func stateOf(h map[string]string) (s retrain.State, err error) {
	for field, n := range ints(&s) {
		if v, ok := h[field]; ok {
			if *n, err = strconv.Atoi(v); err != nil {
				return s, fmt.Errorf("field %s of the state: %w", field, err)
			}
		}
	}
	for field, t := range times(&s) {
		if v, ok := h[field]; ok {
			if *t, err = readTime(v); err != nil {
				return s, fmt.Errorf("field %s of the state: %w", field, err)
			}
		}
	}
	s.LastError = h["lastError"]
	return s, nil
}

// readTime also reads the form of earlier versions, RFC 3339.
func readTime(v string) (time.Time, error) {
	if strings.Contains(v, "T") {
		return time.Parse(time.RFC3339Nano, v)
	}
	ms, err := strconv.ParseInt(v, 10, 64)
	return time.UnixMilli(ms).UTC(), err
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
	for name, n := range ints(&s) {
		if *n != 0 && name != "latest" {
			fields = append(fields, name, *n)
		}
	}
	if s.Running != 0 {
		fields = append(fields, "taker", s.Running)
	}
	for name, t := range times(&s) {
		if !t.IsZero() && name != "now" {
			fields = append(fields, name, timeText(*t))
		}
	}
	if s.LastError != "" {
		fields = append(fields, "lastError", s.LastError)
	}
	return fields
}

func timeText(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
