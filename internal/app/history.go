package app

import (
	"context"
	"time"

	"retrain"
	"retrain/api"
)

// A Move is an entry of a model's history: from At until the next move, Version served.
type Move = api.Move

// History returns what served when, newest first, or only the move that served at a time that is not zero. The chain of digests
// is verified as far as it is read: from the pointer back to the last move that is returned. A DataValidationError says that
// somebody changed it, a NotFoundError that nothing served then.
func (a *App) History(ctx context.Context, model string, at time.Time) ([]Move, error) {
	moves := []Move{}
	var until *time.Time
	for c, err := range a.Registry.Moves(ctx, model) {
		if err != nil {
			return nil, err
		}
		m := moveOf(&c, until)
		until = &m.At
		if at.IsZero() {
			moves = append(moves, m)
		} else if !c.At.After(at) {
			return []Move{m}, nil
		}
	}
	if !at.IsZero() {
		return nil, retrain.Errorf(retrain.NotFoundError, "no version of model %q served at %s", model, at.Format(time.RFC3339)).
			WithHint("producer history %s", model)
	}
	return moves, nil
}

func moveOf(c *retrain.Champion, until *time.Time) Move {
	return Move{Sequence: c.Sequence, Version: c.Version, Previous: c.Previous, At: c.At, Until: until, Why: c.Why, By: c.By}
}
