package s3io

import (
	"context"
	"sync"
	"time"
)

// How old an index may be by which an insert looks for batches that were absorbed. It says in the object which index that was.
const indexAge = time.Second

// A cache keeps what a process has read of small objects. Those that never change are kept by key until they have not been asked
// for in a while. Its zero value is empty.
type cache struct {
	mu      sync.Mutex // guards the following
	indexes map[string]cachedIndex
	small   map[string]any
	done    map[string]time.Time
	before  map[string]any // what was not asked for since small was begun anew

	surveyed map[string]surveyed // by resource
	idle     map[string]idle     // by resource
}

type cachedIndex struct {
	*index
	at time.Time
}

// How many objects are kept before those are forgotten that nobody asks for.
const mostCached = 4096

func (c *cache) put(resource string, ix *index, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.indexes == nil {
		c.indexes = make(map[string]cachedIndex)
	}
	c.indexes[resource] = cachedIndex{ix, now}
}

// get returns an index that is young enough, and nil where there is none.
func (c *cache) get(resource string, now time.Time) *index {
	c.mu.Lock()
	defer c.mu.Unlock()
	if is, ok := c.indexes[resource]; ok && now.Sub(is.at).Abs() < indexAge {
		return is.index
	}
	return nil
}

// cached returns what read makes of an object that never changes. Callers must not change it either.
func cached[T any](ctx context.Context, c *cache, key string, read func(ctx context.Context) (T, error)) (T, error) {
	if v, ok := c.find(key).(T); ok {
		return v, nil
	}
	v, err := read(ctx)
	if err == nil {
		c.keep(key, v)
	}
	return v, err
}

// again reports whether something was last done so long ago, and notes that it is done now.
func (c *cache) again(what string, now time.Time, pause time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, ok := c.done[what]; ok && now.Sub(last) < pause {
		return false
	}
	if c.done == nil {
		c.done = make(map[string]time.Time)
	}
	c.done[what] = now
	return true
}

func (c *cache) find(key string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.small[key]
	if !ok {
		if v, ok = c.before[key]; ok {
			c.small[key] = v
		}
	}
	return v
}

func (c *cache) keep(key string, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.small == nil || len(c.small) >= mostCached {
		c.small, c.before = make(map[string]any), c.small
	}
	c.small[key] = v
}
