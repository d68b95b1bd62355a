package s3io

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"strings"
	"time"

	"retrain"
)

// A mark stands for what a resource's log and index are. As long as it is the same, so is the resource.
type mark [sha256.Size]byte

// Of a resource's other objects so many are listed before the listing goes on behind them.
const mostBeside = 1000

// marks lists all resources at once, and returns a mark for each that has records, by its folder's name. What it asks for grows with
// the log's objects, of which a thousand come at once, and not with what the segments hold: where those are many, one request goes
// past them.
func (r *Records) marks(ctx context.Context) (map[string]mark, error) {
	marks := make(map[string]mark)
	for after, more := "", true; more; {
		var err error
		if after, more, err = r.marksAfter(ctx, after, marks); err != nil {
			return nil, err
		}
	}
	return marks, nil
}

// marksAfter adds the marks of what comes after a key, and returns after which key to go on where there may be more.
func (r *Records) marksAfter(ctx context.Context, after string, marks map[string]mark) (next string, more bool, err error) {
	var folder string
	var sum hash.Hash
	beside := 0
	note := func() {
		if sum != nil {
			marks[folder] = mark(sum.Sum(nil))
		}
	}
	for o, err := range r.Bucket.List(ctx, Listing{Prefix: resourcesFolder, After: after}) {
		if err != nil {
			return "", false, err
		}
		name, rest, ok := strings.Cut(strings.TrimPrefix(o.Key, resourcesFolder), "/")
		if !ok {
			continue // one that lies beside the folders
		}
		if name != folder {
			note()
			folder, sum, beside = name, nil, 0
		}
		if rest == "index.json" || strings.HasPrefix(rest, "log/") {
			if sum == nil {
				sum = sha256.New()
			}
			fmt.Fprintf(sum, "%s %s\n", rest, o.ETag)
		} else if beside++; beside == mostBeside && rest > "log/" {
			note()
			return resourcesFolder + folder + "0", true, nil // which comes after all that has a slash in this place
		}
	}
	note()
	return "", false, nil
}

// A surveyed resource is what it was when it had a mark.
type surveyed struct {
	mark    mark
	dataset retrain.Dataset
}

var _ retrain.Surveyor = (*Records)(nil)

// Survey looks at all resources at once. Of those that are what they were at the last time it asks for nothing.
func (r *Records) Survey(ctx context.Context) (retrain.Snapshots, error) {
	marks, err := r.marks(ctx)
	if err != nil {
		return nil, err
	}
	r.cache.forgetSurveyed(marks)
	return func(ctx context.Context, resource retrain.Resource) (retrain.Dataset, error) {
		mark, has := marks[segment(resource.Name)]
		if !has {
			return retrain.Dataset{Resource: resource.Name, Objects: []retrain.DataObject{}}, nil
		}
		if d, same := r.cache.surveyedAt(resource.Name, mark); same {
			return d, nil
		}
		d, err := r.Snapshot(ctx, resource, nil)
		if err == nil {
			r.cache.survey(resource.Name, surveyed{mark, d}) // which is not older than the mark
		}
		return d, err
	}, nil
}

func (c *cache) surveyedAt(resource string, at mark) (d retrain.Dataset, same bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is, ok := c.surveyed[resource]
	return is.dataset, ok && is.mark == at
}

func (c *cache) survey(resource string, is surveyed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.surveyed == nil {
		c.surveyed = make(map[string]surveyed)
	}
	c.surveyed[resource] = is
}

// forgetSurveyed drops what is no longer there.
func (c *cache) forgetSurveyed(marks map[string]mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for resource := range c.surveyed {
		if _, is := marks[segment(resource)]; !is {
			delete(c.surveyed, resource)
		}
	}
}

// CompactAll compacts those of the resources that have changed since they were last found to need nothing, and all others every now
// and then, for what becomes due with time. done is called with what was done to each, or the error.
func (r *Records) CompactAll(ctx context.Context, resources []retrain.Resource, done func(resource string, c Compacted, err error)) error {
	marks, err := r.marks(ctx)
	if err != nil {
		return err
	}
	t := r.Tuning.withDefaults()
	pause := min(t.Age, t.Grace, t.Packs) / idleShare
	for _, resource := range resources {
		mark, has := marks[segment(resource.Name)]
		if !has {
			continue // it has no records, and never had any
		}
		is := idle{mark, fmt.Sprint(sortings(resource.Partitions)), r.now()}
		if r.cache.wasIdle(resource.Name, is, pause) {
			continue
		}
		c, err := r.Compact(ctx, resource)
		done(resource.Name, c, err)
		if err == nil && c == (Compacted{}) {
			r.cache.putIdle(resource.Name, is)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// An idle resource needed nothing when it was like this.
type idle struct {
	mark     mark
	sortings string
	at       time.Time
}

func (c *cache) wasIdle(resource string, is idle, pause time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was, ok := c.idle[resource]
	return ok && was.mark == is.mark && was.sortings == is.sortings && is.at.Sub(was.at).Abs() < pause
}

func (c *cache) putIdle(resource string, is idle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle == nil {
		c.idle = make(map[string]idle)
	}
	c.idle[resource] = is
}

// What becomes due with time is looked for this many times in the shortest of the times that make it due.
const idleShare = 8
