package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Drifts is what predictors say of how far the questions to a model lie from what it learnt.
type Drifts struct{ Conn *Conn }

// How long a word about a drift holds. Whoever says it says it again before.
const driftTTL = time.Minute

// Say notes how far the questions to a model have drifted, for a minute.
func (d *Drifts) Say(ctx context.Context, model string, psi float64) error {
	return d.Conn.fault(d.Conn.Redis.Set(ctx, driftKey(model), psi, driftTTL).Err(), "say a drift")
}

// Drift returns what was said last, and 0 where nobody has said anything for a minute.
func (d *Drifts) Drift(ctx context.Context, model string) (float64, error) {
	psi, err := d.Conn.Redis.Get(ctx, driftKey(model)).Float64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return psi, d.Conn.fault(err, "ask for a drift")
}

// SayAll notes by feature how far the questions to a model have drifted, for a minute.
func (d *Drifts) SayAll(ctx context.Context, model string, drift retrain.Drift) error {
	b, err := json.Marshal(drift)
	if err != nil {
		return err
	}
	return d.Conn.fault(d.Conn.Redis.Set(ctx, driftsKey(model), b, driftTTL).Err(), "say the drifts")
}

// All returns what SayAll was given last, and nil where nobody has said anything for a minute.
func (d *Drifts) All(ctx context.Context, model string) (*retrain.Drift, error) {
	b, err := d.Conn.Redis.Get(ctx, driftsKey(model)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil //nolint:nilnil // nobody knows
	} else if err != nil {
		return nil, d.Conn.fault(err, "ask for the drifts")
	}
	drift := new(retrain.Drift)
	return drift, json.Unmarshal(b, drift)
}
