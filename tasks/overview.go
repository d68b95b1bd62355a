package tasks

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/redis/go-redis/v9"

	"retrain"
)

// A Look is what Redis knows of a model.
type Look struct {
	State    retrain.State
	Known    bool              // false: the state has to be rebuilt
	Progress *retrain.Progress // nil where no run shows any
	Drift    float64           // how far its questions have drifted; 0 where nobody says
}

// How many models are asked for in one go.
const looksAtOnce = 250

// Overview returns what is known of models, in their order. It asks for hundreds in one go, for pages that show them all.
func (l *Ledger) Overview(ctx context.Context, models []string) ([]Look, error) {
	looks := make([]Look, 0, len(models))
	for some := range slices.Chunk(models, looksAtOnce) {
		states, others := make([]*redis.MapStringStringCmd, len(some)), make([][2]*redis.StringCmd, len(some))
		_, err := l.Conn.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, model := range some {
				states[i] = p.HGetAll(ctx, stateKey(model))
				others[i] = [2]*redis.StringCmd{p.Get(ctx, progressKey(model)), p.Get(ctx, driftKey(model))}
			}
			return nil
		})
		if err != nil && !missing(err) {
			return nil, l.Conn.fault(err, "look at all models")
		}
		for i := range some {
			one, err := look(states[i], others[i][0], others[i][1])
			if err != nil {
				return nil, l.Conn.fault(err, "look at "+some[i])
			}
			looks = append(looks, one)
		}
	}
	return looks, nil
}

func missing(err error) bool { return err == redis.Nil } //nolint:errorlint // a pipeline returns it as it is

func look(state *redis.MapStringStringCmd, progress, drift *redis.StringCmd) (one Look, err error) {
	fields, err := state.Result()
	if err != nil {
		return one, err
	}
	if one.Known = len(fields) > 0; one.Known {
		if one.State, err = stateOf(fields); err != nil {
			return one, err
		}
	}
	if b, err := progress.Bytes(); err == nil {
		p := new(retrain.Progress)
		if err := json.Unmarshal(b, p); err != nil {
			return one, err
		}
		one.Progress = p
	} else if !missing(err) {
		return one, err
	}
	if one.Drift, err = drift.Float64(); missing(err) {
		err = nil
	}
	return one, err
}
