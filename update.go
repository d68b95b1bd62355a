package retrain

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Finder finds records by their ids.
type Finder interface {
	// Find returns the latest states of those records of a resource that have one of the ids, and when the last batch of all was
	// inserted.
	Find(ctx context.Context, resource string, ids []string) (found map[string]Record, last time.Time, err error)
	// WasStored reports whether a batch was stored, whatever has become of its records since.
	WasStored(ctx context.Context, resource, batch string) (bool, error)
}

// Updated is the answer to an update or a deletion.
type Updated struct {
	Resource  string   `json:"resource"`
	Updated   int      `json:"updated"`   // records
	Triggered []string `json:"triggered"` // models whose training became due
}

// Update changes records that exist: the fields that a record of b has take the place of those that are stored, whole, and the others
// stay as they are; with replace, they go. What is stored, counted and may be due is the records as they are then, as an insert's
// are. Nothing is changed, and a NotFoundError names them, where records of b are not stored. Updates that come through one
// Inserter wait for each other; of two of the same record through several at the same moment, the later is all that holds. A batch
// that was stored before changes nothing again, also where its records are gone since.
func (in *Inserter) Update(ctx context.Context, b Batch, replace bool) (Updated, error) {
	in.updating.Lock()
	defer in.updating.Unlock()
	now, err := in.existing(ctx, &b)
	if now == nil {
		return in.before(&b, err)
	}
	full := make([]Record, len(b.Records))
	for i, r := range b.Records {
		full[i] = maps.Clone(r)
		id := r.ID()
		if !replace {
			full[i] = maps.Clone(now[id])
			maps.Copy(full[i], r)
		}
		full[i]["id"] = now[id]["id"] // 7 stays a number where "7" was meant
		now[id] = full[i]
	}
	b.Records = full
	return in.changed(ctx, b)
}

// Delete deletes records by their ids, which is all that is looked at of b's records. Nothing is deleted, and a NotFoundError names
// them, where some are not stored. A batch that was stored before deletes nothing again. A deletion counts for no model.
func (in *Inserter) Delete(ctx context.Context, b Batch) (Updated, error) {
	in.updating.Lock()
	defer in.updating.Unlock()
	b.Gone = true
	if now, err := in.existing(ctx, &b); now == nil {
		return in.before(&b, err)
	}
	return in.changed(ctx, b)
}

func (in *Inserter) changed(ctx context.Context, b Batch) (Updated, error) {
	inserted, err := in.Insert(ctx, b)
	return Updated{Resource: b.Resource, Updated: inserted.Inserted + inserted.Duplicates, Triggered: inserted.Triggered}, err
}

// before answers for a batch that was stored before, or that is wrong. Was it not counted then, the next sweep does.
func (*Inserter) before(b *Batch, err error) (Updated, error) {
	answer := Updated{Resource: b.Resource, Triggered: []string{}}
	if err == nil {
		answer.Updated = len(b.Records)
	}
	return answer, err
}

// existing returns the records that b is about, by their ids, and nil where b was stored before.
func (in *Inserter) existing(ctx context.Context, b *Batch) (map[string]Record, error) {
	if err := in.native(ctx, b.Resource); err != nil {
		return nil, err
	}
	ids := make([]string, len(b.Records))
	for i, r := range b.Records {
		if ids[i] = r.ID(); ids[i] == "" {
			return nil, Errorf(DataValidationError, "record %d has no id", i+1).WithHint("an update names the record that it changes: {\"id\":\"1\",\"cost\":100}")
		}
	}
	finder, ok := in.Records.(Finder)
	if !ok {
		return nil, Errorf(DataValidationError, "resource %q: its records cannot be changed", b.Resource)
	}
	if !b.Fresh {
		if stored, err := finder.WasStored(ctx, b.Resource, b.ID); stored || err != nil {
			return nil, err
		}
	}
	found, last, err := finder.Find(ctx, b.Resource, ids)
	if err != nil {
		return nil, err
	}
	if !b.At.After(last) { // whoever inserted that has a clock that is ahead; this comes after it all the same
		b.At = last.Add(1)
	}
	missing := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(ids))), func(id string) bool { return found[id] != nil })
	if len(missing) > 0 {
		return nil, Errorf(NotFoundError, "resource %q has no record %s", b.Resource, some(missing))
	}
	return found, nil
}

// some names the first of many.
func some(names []string) string {
	const most = 5
	quoted := make([]string, min(most, len(names)))
	for i := range quoted {
		quoted[i] = fmt.Sprintf("%q", names[i])
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
