package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// Drifts is what predictors say of how far the questions to a model lie from what it learnt. Of several predictors the one counts whose
// questions lie furthest: each sees but a part of them.
type Drifts struct {
	Conn *Conn
	Who  string // names this predictor among all
}

// How long a word about a drift holds. Whoever says it says it again before.
const driftTTL = time.Minute

// Say notes how far the questions to a model have drifted here, for a minute.
func (d *Drifts) Say(ctx context.Context, model string, drift retrain.Drift) error {
	b, err := json.Marshal(drift)
	if err != nil {
		return err
	}
	_, psi, _ := drift.Most()
	keys := []string{driftKey(model), driftsKey(model), driftedKey(model)}
	return d.Conn.fault(driftScript.Run(ctx, d.Conn.Redis, keys, d.Who, psi, b, driftTTL.Milliseconds()).Err(), "say a drift")
}

// Drift returns how far the questions of the predictor lie that has the furthest, and 0 where nobody has said anything for a minute.
func (d *Drifts) Drift(ctx context.Context, model string) (float64, error) {
	psi, err := d.Conn.Redis.Get(ctx, driftKey(model)).Float64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return psi, d.Conn.fault(err, "ask for a drift")
}

// All returns the same by feature, as that predictor sees it, and nil where nobody has said anything for a minute.
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
