package s3io

import (
	"context"
	"slices"

	"retrain"
	"retrain/s3io/s3db"
)

// A listing has pages of at most a thousand keys, each of which says where the next begins; one after another they are most of what a
// snapshot costs where nothing has changed. What was copied tells where there are about as many keys as a page has: so
// the ranges between are listed side by side. Every key belongs to one range, whether it was known or not, so nothing depends
// on what was known but the time that it takes.

// A keyRange is the ids after one up to another.
type keyRange struct {
	after, until string // "": from the first, to the last
	page         int    // that are asked for at once
}

const (
	pageKeys  = 1000 // most servers never give more
	rangeKeys = 960  // at most; some more may have come since
	listings  = 8    // at once
)

// ranges cuts the ids into ranges.
func (c *copies) ranges() []keyRange {
	if n := len(c.known); c.marked == 0 || max(n, c.marked)-min(n, c.marked) > c.marked/50 {
		c.mark()
	}
	list := make([]keyRange, len(c.marks)+1)
	page := min(pageKeys, c.marked/len(list)*(pageKeys+1)/rangeKeys+1)
	for i, id := range c.marks {
		list[i].until, list[i].page = id, page
		list[i+1].after = id
	}
	return list
}

// mark chooses the ids at which ranges end.
func (c *copies) mark() {
	ids := make([]string, 0, len(c.known))
	for id := range c.known {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	c.marks, c.marked = nil, len(ids)
	for n, i := (len(ids)+rangeKeys-1)/rangeKeys, 1; i < n; i++ {
		c.marks = append(c.marks, ids[i*len(ids)/n-1])
	}
}

// changes lists the database's records and returns those that are not known in this state.
func (c *copies) changes(ctx context.Context, from *legacy) (changed []ObjectInfo, err error) {
	c.generation++
	ranges := c.ranges()
	lists, err := all(ctx, len(ranges), listings, func(ctx context.Context, i int) ([]ObjectInfo, error) { return c.changesIn(ctx, from, &ranges[i]) })
	return slices.Concat(lists...), err
}

// changesIn is changes for a range. It may be called for several ranges at once.
func (c *copies) changesIn(ctx context.Context, from *legacy, r *keyRange) (changed []ObjectInfo, err error) {
	l := Listing{Prefix: s3db.DataKey(from.name), Page: r.page}
	if r.after != "" {
		l.After = l.Prefix + r.after
	}
	for o, err := range from.bucket.List(ctx, l) {
		id := from.id(o.Key)
		switch {
		case err != nil:
			return nil, err
		case r.after != "" && id <= r.after:
			return nil, retrain.Errorf(retrain.UnavailableError, "s3: list %q: keys after %s were asked for, and %s came", from.place, r.after, id).
				WithHint("this S3 server does not honour start-after")
		case r.until != "" && id > r.until:
			return changed, nil
		case id != "" && c.changed(from, &o):
			changed = append(changed, o)
		}
		if id == r.until && id != "" {
			return changed, nil
		}
	}
	return changed, nil
}
