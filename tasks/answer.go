package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"retrain"
)

// How long an answer is kept for whoever asked.
const answerTTL = 10 * time.Second

// answer serves a question. One for whose answer nobody waits any more is dropped.
func (w *Worker) answer(ctx context.Context, t *asynq.Task) error {
	var p predictPayload
	if err := json.Unmarshal(t.Payload(), &p); err != nil {
		return fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	question, err := w.Conn.Redis.Get(ctx, questionKey(p.Question)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil
	} else if err != nil {
		return w.Conn.fault(err, "read a question")
	}
	b, err := json.Marshal(w.predict(ctx, &p, question))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	key := answerKey(p.Question)
	_, err = w.Conn.Redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.RPush(ctx, key, b)
		pipe.PExpire(ctx, key, answerTTL)
		return nil
	})
	return w.Conn.fault(err, "answer")
}

// predict returns what there is to say to a question.
func (w *Worker) predict(ctx context.Context, p *predictPayload, question []byte) (a answer) {
	var records []retrain.Record
	err := json.Unmarshal(question, &records)
	if err == nil {
		a.Predictions, a.Version, err = w.Predict(ctx, p.Model, retrain.Which{Version: p.Asked, Label: p.Label}, records)
	}
	if err == nil {
		return a
	}
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok {
		e = retrain.Errorf(retrain.PredictionError, "%w", err)
	}
	return answer{Error: e}
}
