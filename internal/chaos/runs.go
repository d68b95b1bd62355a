package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"retrain"
)

// A ran is a run as S3 has it. The types are those of its JSON.
type ran struct {
	Model   string
	Number  int
	Request struct {
		Reason       string `json:"reason"`
		ResetWeights bool   `json:"resetWeights"`
	}
	Start  *retrain.Start
	Result *retrain.Result

	began, ended time.Time // when S3 was told, by its clock: those of the workers are wrong
}

func (r *ran) String() string { return fmt.Sprint(r.Model, "-", r.Number) }

// learnt reports whether the run's rows are learnt.
func (r *ran) learnt() bool {
	return r.Result != nil && (r.Result.State == "published" || r.Result.State == "rejected")
}

// runs returns a model's runs, oldest first. Those known that have ended are not read again.
func (t truth) runs(ctx context.Context, model string, known map[string]*ran) (runs []*ran, err error) {
	prefix := "models/" + model + "/runs/"
	keys, err := t.keys(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, key := range keys {
		n, err := strconv.Atoi(strings.TrimLeft(path.Base(path.Dir(key)), "0"))
		if err == nil && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		r := &ran{Model: model, Number: n}
		if was := known[r.String()]; was != nil && was.Result != nil {
			runs = append(runs, was)
			continue
		}
		folder := fmt.Sprintf("%s%08d/", prefix, n)
		r.Start, r.Result = new(retrain.Start), new(retrain.Result)
		if r.ended, err = t.readAt(ctx, folder+"result.json", r.Result); err != nil {
			return nil, err
		} else if r.ended.IsZero() {
			r.Result = nil
		}
		if r.began, err = t.readAt(ctx, folder+"dataset.json", r.Start); err != nil {
			return nil, err
		} else if r.began.IsZero() {
			r.Start = nil
		}
		if ok, err := t.read(ctx, folder+"request.json", &r.Request); err != nil || !ok {
			return nil, fmt.Errorf("%s: its request: there %v: %w", r, ok, err)
		}
		known[r.String()] = r
		runs = append(runs, r)
	}
	return runs, nil
}

// A pointer is champion.json, and an entry of the history.
type pointer struct {
	Version  int       `json:"version"`
	Previous int       `json:"previous"`
	Sequence int       `json:"sequence"`
	Highest  int       `json:"highest"`
	At       time.Time `json:"at"`
	Why      string    `json:"why"`
	Before   string    `json:"before"`
	body     []byte
}

// A watch follows the champions during the chaos.
type watch struct {
	seen   map[string]pointer
	looks  int
	broken []string
}

func (w *watch) follow(ctx context.Context, s *stage) {
	w.seen = make(map[string]pointer)
	t := s.truth()
	for sleep(ctx, 300*time.Millisecond) {
		for model := range accepts {
			w.look(ctx, t, model)
		}
	}
}

// look sees whether a pointer went forward.
func (w *watch) look(ctx context.Context, t truth, model string) {
	var now pointer
	key := "models/" + model + "/champion.json"
	body, err := t.get(ctx, key)
	was, before := w.seen[model]
	switch {
	case ctx.Err() != nil || err != nil:
		return
	case body == nil && !before:
		return
	case body == nil:
		w.broken = append(w.broken, key+" vanished")
		return
	}
	if _, err := t.read(ctx, key, &now); err != nil {
		return
	}
	now.body = body
	w.looks++
	if now.Sequence < was.Sequence || now.Highest < was.Highest || now.Sequence == was.Sequence && now.Version != was.Version {
		w.broken = append(w.broken, fmt.Sprintf("%s went from %+v to %+v", key, was, now))
	}
	w.seen[model] = now
}
