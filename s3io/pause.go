package s3io

import (
	"context"
	"errors"

	"retrain"
)

// Which models are paused is one object, so that reading all specs costs one more request, however many models there are.
const pausesKey = "paused.json"

// pauses is its content.
type pauses struct {
	Format int                      `json:"format"` // 1
	Models map[string]retrain.Pause `json:"models"`
}

// Paused returns which models are paused.
func (s *Specs) Paused(ctx context.Context) (map[string]retrain.Pause, error) {
	p, _, err := s.pauses.get(ctx, s.Bucket, pausesKey)
	if err != nil || p == nil {
		return nil, err
	}
	return p.Models, nil
}

// Pause notes that a model is paused, or, with nil, that it is not. It reports whether that is new.
func (s *Specs) Pause(ctx context.Context, model string, pause *retrain.Pause) (changed bool, err error) {
	for range mostMoves {
		p, e, err := getJSON[pauses](ctx, s.Bucket, pausesKey)
		cond := IfMatch(e)
		if errors.Is(err, retrain.NotFoundError) {
			p, cond = pauses{Format: 1}, IfAbsent
		} else if err != nil {
			return false, err
		}
		if _, is := p.Models[model]; is == (pause != nil) {
			return false, nil
		}
		if p.Models == nil {
			p.Models = make(map[string]retrain.Pause)
		}
		if pause != nil {
			p.Models[model] = *pause
		} else {
			delete(p.Models, model)
		}
		if err = putJSON(ctx, s.Bucket, pausesKey, p, cond); !errors.Is(err, retrain.ConflictError) {
			return err == nil, err
		}
	}
	return false, retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", pausesKey, mostMoves)
}
