package s3io

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"retrain"
)

// Shared stores small batches that come at the same time as one object: those that arrive while one is on its way to S3 share the
// next. Who comes alone does not wait. A batch is acknowledged when its object is stored. It is for a server; its zero value but for
// Records is ready to use.
type Shared struct {
	*Records

	mu      sync.Mutex           // guards the following
	waiting map[string][]*waiter // by resource; there while somebody stores its batches
}

type waiter struct {
	batch  retrain.Batch
	stored bool
	err    error
	done   chan struct{}
}

// How much shares an object at most. Batches of more records than small have one of their own.
const (
	small       = 256
	mostSharing = 4096
)

// Append stores a batch as Records.Append does.
func (s *Shared) Append(ctx context.Context, b retrain.Batch) (stored bool, err error) {
	if len(b.Records) > small {
		return s.Records.Append(ctx, b)
	}
	if err := validate(&b); err != nil { // it is nobody else's mistake
		return false, err
	}
	w := &waiter{batch: b, done: make(chan struct{})}
	s.mu.Lock()
	list, busy := s.waiting[b.Resource]
	if s.waiting == nil {
		s.waiting = make(map[string][]*waiter)
	}
	s.waiting[b.Resource] = append(list, w)
	s.mu.Unlock()
	if !busy {
		go s.store(context.WithoutCancel(ctx), b.Resource)
	}
	select {
	case <-w.done:
		return w.stored, w.err
	case <-ctx.Done(): // it may be stored all the same
		return false, context.Cause(ctx)
	}
}

func validate(b *retrain.Batch) error {
	if _, err := batchSegment(b.ID); err != nil {
		return err
	}
	_, err := encodeBatch(*b)
	return err
}

// store stores what waits for a resource until nothing does.
func (s *Shared) store(ctx context.Context, resource string) {
	for {
		s.mu.Lock()
		list := s.waiting[resource]
		if len(list) == 0 {
			delete(s.waiting, resource)
			s.mu.Unlock()
			return
		}
		list = list[:min(len(list), mostSharing)]
		s.waiting[resource] = s.waiting[resource][len(list):]
		s.mu.Unlock()
		batches := make([]retrain.Batch, len(list))
		for i, w := range list {
			batches[i] = w.batch
		}
		stored, err := s.AppendAll(ctx, resource, batches)
		for i, w := range list {
			w.stored, w.err = err == nil && stored[i], err
			close(w.done)
		}
	}
}

// AppendAll stores batches of one resource as one object, without those that were stored before, and reports which it has stored.
// When two processes store one batch at the same moment, both may say that they have; it's read once.
func (r *Records) AppendAll(ctx context.Context, resource string, batches []retrain.Batch) (stored []bool, err error) {
	stored = make([]bool, len(batches))
	ix, err := r.recent(ctx, resource)
	if err != nil {
		return nil, err
	}
	had, err := r.storedBefore(ctx, resource, ix, batches)
	if err != nil {
		return nil, err
	}
	if len(batches) == 1 {
		if !had[batches[0].ID] {
			stored[0], err = r.Append(ctx, batches[0])
		}
		return stored, err
	}
	var list []retrain.Batch
	for i, b := range batches {
		if !had[b.ID] {
			had[b.ID] = true
			stored[i] = true
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return stored, nil
	}
	object, err := encodeBatches(list, ix.Absorbed)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s%016x-%s", sharedPrefix, r.now().UnixNano(), strings.ToLower(rand.Text()[:12]))
	_, err = r.Bucket.Put(ctx, logKey(resource)+name+batchSuffix, object, IfAbsent)
	return stored, err
}

// storedBefore returns those of the batches that were absorbed, or stand in the log. Fresh ones are not looked for.
func (r *Records) storedBefore(ctx context.Context, resource string, ix *index, batches []retrain.Batch) (map[string]bool, error) {
	had := make(map[string]bool)
	var look []string
	for _, b := range batches {
		if b.Fresh {
			continue
		}
		absorbed, err := r.wasAbsorbed(ctx, ix, b.ID)
		if err != nil {
			return nil, err
		}
		if absorbed {
			had[b.ID] = true
		} else {
			look = append(look, b.ID)
		}
	}
	if len(look) == 0 {
		return had, nil
	}
	for {
		objects, _, err := r.listLog(ctx, resource)
		if err != nil {
			return nil, err
		}
		var shared []logObject
		for _, o := range objects {
			if o.batch == "" {
				shared = append(shared, o)
			} else {
				had[o.batch] = true
			}
		}
		err = r.readHeads(ctx, shared)
		for _, o := range shared {
			if o.head != nil {
				for _, b := range o.head.Batches {
					had[b.ID] = true
				}
			}
		}
		if !errors.Is(err, errAbsorbedMeanwhile) {
			return had, err
		}
	}
}
