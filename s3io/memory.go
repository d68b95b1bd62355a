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
	info     ObjectInfo
	body     []byte
	metadata map[string]string
}

// Get returns a copy of an object.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, ETag, error) {
	o, err := m.GetObject(ctx, key)
	return o.Body, o.ETag, err
}

// GetChanged returns a copy of an object that has changed.
func (m *Memory) GetChanged(ctx context.Context, key string, was ETag) ([]byte, ETag, error) {
	return unlessSame(m.GetObject(ctx, key))(was)
}

// unlessSame leaves out the bytes of an object that is what it was.
func unlessSame(o Object, err error) func(was ETag) ([]byte, ETag, error) {
	return func(was ETag) ([]byte, ETag, error) {
		if err == nil && o.ETag == was {
			return nil, was, nil
		}
		return o.Body, o.ETag, err
	}
}

// GetObject returns a copy of an object.
func (m *Memory) GetObject(ctx context.Context, key string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[key]
	if !ok {
		return Object{}, retrain.Errorf(retrain.NotFoundError, "memory: get %s: no such object", key)
	}
	return Object{bytes.Clone(o.body), o.info.ETag, o.info.LastModified, maps.Clone(o.metadata), time.Now()}, nil
}

// GetRange returns a copy of a part of an object.
func (m *Memory) GetRange(ctx context.Context, key string, offset, n int64) ([]byte, ETag, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, "", retrain.Errorf(retrain.NotFoundError, "memory: get %s: no such object", key)
	}
	if size := int64(len(o.body)); offset < 0 || n < 1 || offset >= size {
		return nil, "", noRange("memory: get "+key, offset, n)
	}
	return bytes.Clone(o.body[offset:min(offset+n, int64(len(o.body)))]), o.info.ETag, nil
}

func noRange(what string, offset, n int64) error {
	return retrain.Errorf(retrain.DataValidationError, "%s: it has no %d bytes from %d on", what, n, offset)
}

// PutObject stores an object as others do who write into a bucket: with metadata, and at whatever time. The ETag is computed.
func (m *Memory) PutObject(key string, o Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(ObjectInfo{Key: key, ETag: memoryETag(o.Body), Size: int64(len(o.Body)), LastModified: o.LastModified}, o.Body, o.Metadata)
}

func (m *Memory) put(info ObjectInfo, body []byte, metadata map[string]string) {
	if m.objects == nil {
		m.objects = make(map[string]memoryObject)
	}
	m.objects[info.Key] = memoryObject{info, append([]byte{}, body...), maps.Clone(metadata)}
}

func memoryETag(body []byte) ETag {
	sum := sha256.Sum256(body)
	return ETag(hex.EncodeToString(sum[:16]))
}

// Put stores a copy of body.
func (m *Memory) Put(ctx context.Context, key string, body []byte, cond Cond) (ETag, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	info := ObjectInfo{Key: key, ETag: memoryETag(body), Size: int64(len(body)), LastModified: time.Now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	was, exists := m.objects[key]
	if cond.absent && exists || cond.etag != "" && cond.etag != was.info.ETag {
		return "", retrain.Errorf(retrain.ConflictError, "memory: put %s: the condition does not hold", key)
	}
	m.put(info, body, nil)
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
