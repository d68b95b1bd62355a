package s3io

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"retrain"
)

// Memory is a Bucket in memory. The zero Memory is empty and ready to use.
type Memory struct {
	mu      sync.RWMutex // guards the following
	objects map[string]memoryObject
}

type memoryObject struct {
	info ObjectInfo
	body []byte
}

// Get returns a copy of an object.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, ETag, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, "", retrain.Errorf(retrain.NotFoundError, "memory: get %s: no such object", key)
	}
	return bytes.Clone(o.body), o.info.ETag, nil
}

// Put stores a copy of body.
func (m *Memory) Put(ctx context.Context, key string, body []byte, cond Cond) (ETag, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	info := ObjectInfo{Key: key, ETag: ETag(hex.EncodeToString(sum[:16])), Size: int64(len(body)), LastModified: time.Now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	was, exists := m.objects[key]
	if cond.absent && exists || cond.etag != "" && cond.etag != was.info.ETag {
		return "", retrain.Errorf(retrain.ConflictError, "memory: put %s: the condition does not hold", key)
	}
	if m.objects == nil {
		m.objects = make(map[string]memoryObject)
	}
	m.objects[key] = memoryObject{info, append([]byte{}, body...)}
	return info.ETag, nil
}

// Delete removes an object.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}

// List yields the objects as they are when it is called.
func (m *Memory) List(ctx context.Context, l Listing) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		rolled := ""
		for _, o := range m.matching(l) {
			if err := ctx.Err(); err != nil {
				yield(ObjectInfo{}, err)
				return
			}
			if head, _, cut := strings.Cut(o.Key[len(l.Prefix):], l.Delimiter); cut && l.Delimiter != "" {
				o = ObjectInfo{Key: l.Prefix + head + l.Delimiter}
				if o.Key == rolled {
					continue
				}
				rolled = o.Key
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// matching returns what a listing finds, sorted, before it is rolled up.
func (m *Memory) matching(l Listing) []ObjectInfo {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []ObjectInfo
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if strings.HasPrefix(key, l.Prefix) && key > l.After {
			found = append(found, m.objects[key].info)
		}
	}
	return found
}
