package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"retrain"
)

const (
	chunkQueue    = "predict-bulk"   // of its own, so that nobody's single question waits behind a million others
	chunkRetries  = 15               // three minutes, in which workers may be busy or away
	chunkTimeout  = 10 * time.Minute // then the attempt is ended, and tried again
	chunkLease    = 5 * time.Second  // how long after its last sign of life a worker counts as dead
	chunkNews     = time.Hour        // how long it is remembered that a chunk was answered
	chunksAtOnce  = 2                // in one worker
	chunkPatience = time.Second      // how long a wait is that nobody ends
)

// A chunkPayload names a chunk.
type chunkPayload struct {
	retrain.Chunk

	Rows int `json:"rows"` // of each chunk but the last
}

// Bulks hands chunks of bulks to prediction workers.
type Bulks struct{ Conn *Conn }

var _ retrain.ChunkQueue = (*Bulks)(nil)

func chunkTaskID(c retrain.Chunk, attempt int) string {
	return c.String() + "." + strconv.Itoa(attempt)
}

// EnqueueChunk puts an attempt at a chunk into the queue. The same attempt again changes nothing, unless it was given up: then it
// is made anew.
func (b *Bulks) EnqueueChunk(ctx context.Context, c retrain.Chunk, rows, attempt int) error {
	payload, err := json.Marshal(chunkPayload{c, rows})
	if err != nil {
		return err
	}
	id := chunkTaskID(c, attempt)
	for range 2 {
		_, err = b.Conn.queue().EnqueueContext(ctx, asynq.NewTask(typeChunk, payload), asynq.TaskID(id), asynq.Queue(chunkQueue),
			asynq.Timeout(chunkTimeout), asynq.MaxRetry(chunkRetries))
		if !errors.Is(err, asynq.ErrTaskIDConflict) {
			break
		}
		info, gone := b.Conn.inspector().GetTaskInfo(chunkQueue, id)
		if gone != nil || info.State != asynq.TaskStateArchived {
			return nil //nolint:nilerr // it was there a moment ago: if somebody has not done it, that is found out
		}
		_ = b.Conn.inspector().DeleteTask(chunkQueue, id) // if that fails the next try tells
	}
	return b.Conn.queueFault(ctx, err, "enqueue chunk "+c.String())
}

// AwaitChunk returns the number of a chunk of the bulk that was answered, or false where none is for a second.
func (b *Bulks) AwaitChunk(ctx context.Context, bulk string) (int, bool, error) {
	got, err := b.Conn.Redis.BLPop(ctx, chunkPatience, bulkKey(bulk)).Result()
	switch {
	case ctx.Err() != nil:
		return 0, false, context.Cause(ctx)
	case errors.Is(err, redis.Nil):
		return 0, false, nil
	case err != nil:
		return 0, false, b.Conn.fault(err, "wait for the chunks of a bulk")
	}
	n, err := strconv.Atoi(got[1]) // got is key, value
	return n, err == nil, nil      // what is no number is nobody's
}

// ChunkState returns what has become of an attempt, and with ChunkFails and ChunkFailed why.
func (b *Bulks) ChunkState(ctx context.Context, c retrain.Chunk, attempt int) (retrain.ChunkState, error) {
	id := chunkTaskID(c, attempt)
	info, err := b.Conn.inspector().GetTaskInfo(chunkQueue, id)
	switch {
	case errors.Is(err, asynq.ErrQueueNotFound), errors.Is(err, asynq.ErrTaskNotFound):
		return retrain.ChunkGone, nil
	case err != nil:
		return "", b.Conn.queueFault(ctx, err, "look for chunk "+c.String())
	}
	switch info.State {
	case asynq.TaskStateRetry:
		return retrain.ChunkFails, failure(info.LastErr)
	case asynq.TaskStateArchived:
		err := failure(info.LastErr)
		_ = b.Conn.inspector().DeleteTask(chunkQueue, id) // it was told; whoever asks again begins anew
		return retrain.ChunkFailed, fmt.Errorf("chunk %d: %w", c.Number, err)
	case asynq.TaskStateCompleted:
		return retrain.ChunkGone, nil
	case asynq.TaskStateActive:
		n, err := b.Conn.Redis.Exists(ctx, chunkKey(c)).Result()
		if err != nil || n > 0 {
			return retrain.ChunkWorks, b.Conn.fault(err, "look for chunk "+c.String())
		}
		return retrain.ChunkLost, nil
	}
	return retrain.ChunkWaits, nil
}

// failure reads what asynq has written down of an error.
func failure(text string) error {
	text = strings.TrimSuffix(text, ": "+asynq.SkipRetry.Error())
	if code, message, ok := strings.Cut(text, ": "); ok && strings.HasSuffix(code, "Error") && !strings.Contains(code, " ") {
		return retrain.Errorf(retrain.Code(code), "%s", message)
	}
	return retrain.Errorf(retrain.PredictionError, "%s", text)
}

// chunk serves a chunk, and tells whoever waits for it. While it works it gives signs of life.
func (w *Worker) chunk(ctx context.Context, t *asynq.Task) error {
	var p chunkPayload
	if err := json.Unmarshal(t.Payload(), &p); err != nil || p.Rows < 1 || p.Number < 0 {
		return fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	ctx, cancel := w.untilShutdown(ctx)
	defer cancel()
	stop := w.live(ctx, chunkKey(p.Chunk))
	err := w.Chunk(ctx, p.Chunk, p.Rows)
	stop()
	switch code := retrain.CodeOf(err); {
	case code == retrain.NotFoundError, code == retrain.ModelNotFoundError, code == retrain.ModelNotTrainedError:
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry) // the version is gone, and does not come back
	case err != nil:
		return err
	}
	key := bulkKey(p.Bulk)
	_, err = w.Conn.Redis.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.RPush(ctx, key, p.Number)
		pipe.Expire(ctx, key, chunkNews)
		return nil
	})
	if err != nil { // a hint lost: the answers are in S3, where they are looked for
		w.Log.WarnContext(ctx, "tell of a chunk", "chunk", p.String(), "err", err)
	}
	return nil
}

// live gives signs of life under a key until stop is called.
func (w *Worker) live(ctx context.Context, key string) (stop func()) {
	sign := func() { _ = w.Conn.Redis.Set(ctx, key, 1, chunkLease).Err() } // the next one may reach Redis
	sign()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(chunkLease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				sign()
			}
		}
	}()
	return func() {
		cancel()
		<-done
		_ = w.Conn.Redis.Del(context.WithoutCancel(ctx), key).Err() // it expires
	}
}
