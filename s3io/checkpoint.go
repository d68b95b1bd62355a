package s3io

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"retrain"
)

// A checkpoint is an object of its own, named by its place in the sequence: 1, 2, 3 … Each is written only if it is absent, and
// holds only while it is the last. So a worker that was presumed dead, and comes back after another has resumed the run, is
// told by a ConflictError, and what the other does is not disturbed. The two latest are kept. The object is the SHA-256 of the
// state, in 32 bytes, and the state.

func checkpointsKey(id retrain.RunID) string { return runKey(id) + "checkpoints/" }

func checkpointKey(id retrain.RunID, sequence int) string {
	return fmt.Sprintf("%s%08d", checkpointsKey(id), sequence)
}

// Checkpoint returns the latest state that is complete, and nil where there is none.
func (r *Runs) Checkpoint(ctx context.Context, id retrain.RunID) ([]byte, error) {
	sequences, err := r.checkpoints(ctx, id)
	if err != nil {
		return nil, err
	}
	r.remember(id, highest(sequences))
	for _, s := range slices.Backward(sequences) {
		body, _, err := r.Bucket.Get(ctx, checkpointKey(id, s))
		if errors.Is(err, retrain.NotFoundError) {
			continue // whoever is at work has gone on: saving will tell
		} else if err != nil {
			return nil, err
		}
		if state, ok := complete(body); ok {
			return state, nil
		}
	}
	return nil, nil
}

// complete returns the state in a checkpoint, and false when it isn't what was saved.
func complete(body []byte) ([]byte, bool) {
	if len(body) < sha256.Size {
		return nil, false
	}
	sum, state := body[:sha256.Size], body[sha256.Size:]
	want := sha256.Sum256(state)
	return state, bytes.Equal(sum, want[:])
}

// SaveCheckpoint stores a state after the one that was read or saved last. It returns a ConflictError when another worker has
// saved one meanwhile.
func (r *Runs) SaveCheckpoint(ctx context.Context, id retrain.RunID, state []byte) error {
	last, known := r.remembered(id)
	if !known {
		sequences, err := r.checkpoints(ctx, id)
		if err != nil {
			return err
		}
		last = highest(sequences)
	}
	sum := sha256.Sum256(state)
	if _, err := r.Bucket.Put(ctx, checkpointKey(id, last+1), append(sum[:], state...), IfAbsent); err != nil {
		return fmt.Errorf("checkpoint %d of %s: %w", last+1, id, err)
	}
	return r.settle(ctx, id, last+1)
}

// settle makes sure that a checkpoint that was written is the last: its place may have been free because another worker, which
// is far ahead, has removed what stood there. Older ones go.
func (r *Runs) settle(ctx context.Context, id retrain.RunID, sequence int) error {
	sequences, err := r.checkpoints(ctx, id)
	if err != nil {
		return err
	}
	if last := highest(sequences); last > sequence {
		return errors.Join(retrain.Errorf(retrain.ConflictError, "checkpoint %d of %s: another worker is at %d", sequence, id, last),
			r.Bucket.Delete(ctx, checkpointKey(id, sequence)))
	}
	r.remember(id, sequence)
	for _, old := range sequences {
		if old < sequence-1 {
			err = errors.Join(err, r.Bucket.Delete(ctx, checkpointKey(id, old)))
		}
	}
	return err
}

// forget removes the checkpoints of a run that has ended.
func (r *Runs) forget(ctx context.Context, id retrain.RunID) error {
	r.mu.Lock()
	delete(r.sequences, id)
	r.mu.Unlock()
	sequences, err := r.checkpoints(ctx, id)
	for _, s := range sequences {
		err = errors.Join(err, r.Bucket.Delete(ctx, checkpointKey(id, s)))
	}
	return err
}

// checkpoints lists a run's checkpoints, oldest first.
func (r *Runs) checkpoints(ctx context.Context, id retrain.RunID) (sequences []int, err error) {
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: checkpointsKey(id)}) {
		if err != nil {
			return nil, err
		}
		if n, err := strconv.Atoi(strings.TrimPrefix(o.Key, checkpointsKey(id))); err == nil {
			sequences = append(sequences, n)
		}
	}
	return sequences, nil
}

func highest(sequences []int) int {
	if len(sequences) == 0 {
		return 0
	}
	return sequences[len(sequences)-1]
}

func (r *Runs) remember(id retrain.RunID, sequence int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sequences == nil {
		r.sequences = make(map[retrain.RunID]int)
	}
	r.sequences[id] = sequence
}

func (r *Runs) remembered(id retrain.RunID) (sequence int, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sequence, known = r.sequences[id]
	return sequence, known
}
