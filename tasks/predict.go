package tasks

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"retrain"
)

// Predict answers records with the version that is meant, whose number it returns. retrain.Live.Ask is one.
type Predict func(ctx context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error)

// Chunk answers a chunk of a bulk, of which each chunk but the last has so many rows. retrain.Chunks.Do is one.
type Chunk func(ctx context.Context, c retrain.Chunk, rows int) error

// A predictPayload names a question; its records lie under questionKey while somebody waits for the answer.
type predictPayload struct {
	Model    string `json:"model"`
	Question string `json:"question"`
	Asked    int    `json:"version,omitempty"` // the version that is meant; else by its label, and without one the champion
	Label    string `json:"label,omitempty"`
}

// An answer is what comes back: predictions or an error.
type answer struct {
	Predictions []retrain.Prediction `json:"predictions,omitempty"`
	Version     int                  `json:"version,omitempty"`
	Error       *retrain.Error       `json:"error,omitempty"`
}

// A Predictor asks for predictions through the queue.
type Predictor struct {
	Conn    *Conn
	Timeout time.Duration  // how long to wait for an answer; 10 s
	Tracer  retrain.Tracer // nil: nothing is followed
}

// Predict asks whichever prediction worker is free. Errors: those of Live.Predict as the worker met them, and an
// UnavailableError where no worker answered in time.
func (p *Predictor) Predict(ctx context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error) {
	a, err := p.ask(ctx, model, which, records)
	if err != nil {
		return nil, 0, err
	}
	if a.Error != nil {
		return nil, 0, a.Error
	}
	if which.Version != 0 && a.Version != which.Version { // a worker of a release that knew champions only
		return nil, 0, retrain.Errorf(retrain.PredictionError, "version %d answered in the place of %d", a.Version, which.Version)
	}
	return a.Predictions, a.Version, nil
}

func (p *Predictor) ask(ctx context.Context, model string, which retrain.Which, records []retrain.Record) (a answer, err error) {
	timeout := cmp.Or(p.Timeout, 10*time.Second)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	doing := "ask for predictions of " + model
	id := rand.Text()
	question, err := json.Marshal(records)
	if err != nil {
		return a, retrain.Errorf(retrain.DataValidationError, "%s: %w", doing, err)
	}
	payload, err := json.Marshal(predictPayload{model, id, which.Version, which.Label})
	if err != nil {
		return a, err
	}
	if err := p.Conn.Redis.Set(ctx, questionKey(id), question, timeout).Err(); err != nil {
		return a, p.Conn.fault(err, doing)
	}
	headers := make(map[string]string)
	sending, sent := publish(ctx, p.Tracer, predictQueue, id, headers)
	_, err = p.Conn.queue().EnqueueContext(sending, asynq.NewTaskWithHeaders(typePredict, payload, headers), asynq.Queue(predictQueue), asynq.TaskID(id),
		asynq.MaxRetry(0), asynq.Timeout(max(timeout, time.Second)))
	sent(err)
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) { // that is the driver's second try, after a first that succeeded
		return a, p.Conn.queueFault(ctx, err, doing)
	}
	a, err = p.await(ctx, id, doing)
	if err != nil { // nobody need answer any more; whoever does, finds no question
		_ = p.Conn.inspector().DeleteTask(predictQueue, id)
	}
	return a, err
}

// await returns the answer to a question. It looks up each second, since a command that blocks does not heed ctx.
func (p *Predictor) await(ctx context.Context, id, doing string) (a answer, err error) {
	for {
		got, err := p.Conn.Redis.BLPop(ctx, time.Second, answerKey(id)).Result()
		deadline, _ := ctx.Deadline()
		switch {
		case err == nil:
			err = json.Unmarshal([]byte(got[1]), &a) // got is key, value
			return a, err
		case !time.Now().Before(deadline):
			return a, retrain.Errorf(retrain.UnavailableError, "%s: no prediction worker answered", doing).
				WithHint("is one running? worker predict, or standalone")
		case ctx.Err() != nil:
			return a, ctx.Err()
		case !errors.Is(err, redis.Nil):
			return a, p.Conn.fault(err, doing)
		}
	}
}
