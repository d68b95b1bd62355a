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
// state, in 32 bytes, and the state. Whoever resumes a run takes the next place first, by an object that is no state: one who
// was presumed dead finds his own place taken then.

func checkpointsKey(id retrain.RunID) string { return runKey(id) + "checkpoints/" }

func checkpointKey(id retrain.RunID, sequence int) string {
	return fmt.Sprintf("%s%08d", checkpointsKey(id), sequence)
}

// Checkpoint returns the latest state that is complete, and nil where there is none. From then on nobody can save one who
// read, or began the run, before.
func (r *Runs) Checkpoint(ctx context.Context, id retrain.RunID) ([]byte, error) {
	if last, known := r.remembered(id); known && last == begun {
		r.remember(id, 0)
		return nil, nil
	}
	sequences, _, err := r.checkpoints(ctx, id)
	if err != nil {
		return nil, err
	}
	next := highest(sequences) + 1
	if _, err := r.Bucket.Put(ctx, checkpointKey(id, next), []byte("resumed"), IfAbsent); err != nil {
		return nil, fmt.Errorf("resume %s: %w", id, err)
	}
	r.remember(id, next)
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

// begun is remembered of a run that this process began: there is nothing to resume.
const begun = -1

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
	if last == begun {
		last = 0
	}
	if !known {
		sequences, _, err := r.checkpoints(ctx, id)
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
	sequences, states, err := r.checkpoints(ctx, id)
	if err != nil {
		return err
	}
	if last := highest(sequences); last > sequence || len(states) == 0 {
		return errors.Join(retrain.Errorf(retrain.ConflictError, "checkpoint %d of %s: another worker is at %d", sequence, id, last),
			r.Bucket.Delete(ctx, checkpointKey(id, sequence)))
	}
	r.remember(id, sequence)
	before := states[max(0, len(states)-2)]
	for _, old := range sequences {
		if old < before {
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
	sequences, _, err := r.checkpoints(ctx, id)
	for _, s := range sequences {
		err = errors.Join(err, r.Bucket.Delete(ctx, checkpointKey(id, s)))
	}
	return err
}

// checkpoints lists the places that are taken in a run's sequence, and those of them that hold a state, both in order.
func (r *Runs) checkpoints(ctx context.Context, id retrain.RunID) (sequences, states []int, err error) {
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: checkpointsKey(id)}) {
		if err != nil {
			return nil, nil, err
		}
		n, err := strconv.Atoi(strings.TrimPrefix(o.Key, checkpointsKey(id)))
		if err != nil {
			continue
		}
		if sequences = append(sequences, n); o.Size >= sha256.Size {
			states = append(states, n)
		}
	}
	return sequences, states, nil
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
