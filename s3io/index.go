package s3io

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"retrain"
)

// An index says what a resource's old records have become. It is one small object, moved by compare-and-swap; whatever it names
// is written before it, and never changed:
//
//	resources/{resource}/index.json
//	resources/{resource}/packs/{n}-{token}.jsonl.zst        the log's objects of the nth absorption, one behind the other
//	resources/{resource}/segments/{n}-{token}/main.parquet  records in the order of their insertion
//	                                          by{i}.parquet the same, sorted by the fields of a partition
//	                                          batches       which batches they came with
//	                                          known         hashes of those batches' ids, sorted
//	                                          without-{t}   which of the rows no longer hold
//
// An absorption takes some of the log's objects. Absorptions are numbered from 1 on. A batch is in at most one of them, for ever:
// its object may be deleted, or come again because its sender was slow, and readers know it by its id. The rows of a batch that was
// absorbed are read from the pack, exactly as they came, as long as that is kept; later from the segments, where those are
// left that no other batch has replaced.
type index struct {
	Format     int            `json:"format"`     // 1
	Generation int            `json:"generation"` // of this object, from 1
	Absorbed   int            `json:"absorbed"`   // absorptions so far
	Segments   []segmentEntry `json:"segments"`   // in the order of their first batches
	Packs      []packEntry    `json:"packs"`      // those that are kept, oldest first
	Garbage    []garbage      `json:"garbage,omitempty"`

	etag ETag // "" where there is none yet
}

// A fileRef names an object of ours for ever.
type fileRef struct {
	Key  string `json:"key"`
	ETag ETag   `json:"etag"`
	Size int64  `json:"size"`
	Foot int64  `json:"foot,omitempty"` // of a Parquet file: the bytes at its end that say where the rest is

	Brief int64 `json:"brief,omitempty"` // the bytes before those that say so in brief
}

// A segmentEntry names the files of a segment.
type segmentEntry struct {
	Main    fileRef                   `json:"main"`
	Copies  []copyEntry               `json:"copies,omitempty"`
	Batches fileRef                   `json:"batches"`
	Known   fileRef                   `json:"known"`
	Without *fileRef                  `json:"without,omitempty"`
	Rows    int                       `json:"rows"`              // in main
	Dropped int                       `json:"dropped,omitempty"` // of them, in without: replaced, or deletions
	Graves  int                       `json:"graves,omitempty"`  // of those, deletions
	From    time.Time                 `json:"from"`              // when the first of its batches was inserted
	To      time.Time                 `json:"to"`                // and the last
	Fields  map[string]map[string]int `json:"fields"`            // how many values of which kind each field has
}

// A copyEntry is a segment's file that is sorted by fields. It serves every partition by its first so many.
type copyEntry struct {
	Fields []string `json:"fields"`
	File   fileRef  `json:"file"`
}

// A packEntry names the pack of an absorption.
type packEntry struct {
	N          int       `json:"n"`
	File       fileRef   `json:"file"`
	Head       int64     `json:"head"` // bytes before the first object
	At         time.Time `json:"at"`
	Generation int       `json:"generation"` // the first index that had it
}

// Garbage is what the index no longer names. Somebody may still read it who has seen an older index.
type garbage struct {
	Keys       []string  `json:"keys"`
	At         time.Time `json:"at"`
	Generation int       `json:"generation"` // the first index that does not name them
}

func indexKey(resource string) string { return resourceKey(resource) + "index.json" }

// index reads a resource's index as it is now.
func (r *Records) index(ctx context.Context, resource string) (*index, error) {
	ix, e, err := getJSON[index](ctx, r.Bucket, indexKey(resource))
	if errors.Is(err, retrain.NotFoundError) {
		ix, err = index{Format: 1}, nil
	} else if err == nil && ix.Format != 1 {
		err = retrain.Errorf(retrain.DataValidationError, "%s: format %d", indexKey(resource), ix.Format).WithHint("it was written by a newer Retrain")
	}
	if err != nil {
		return nil, err
	}
	ix.etag = e
	r.cache.put(resource, &ix, r.now())
	return &ix, nil
}

// recent returns an index that may be a moment old.
func (r *Records) recent(ctx context.Context, resource string) (*index, error) {
	if ix := r.cache.get(resource, r.now()); ix != nil {
		return ix, nil
	}
	return r.index(ctx, resource)
}

// swap stores the next index in the place of the one that it was made from, or returns a ConflictError.
func (r *Records) swap(ctx context.Context, resource string, next *index) error {
	next.Generation++
	cond := IfAbsent
	if next.etag != "" {
		cond = IfMatch(next.etag)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if next.etag, err = r.Bucket.Put(ctx, indexKey(resource), append(body, '\n'), cond); err != nil {
		return err
	}
	r.cache.put(resource, next, r.now())
	return nil
}

// clone returns a copy whose lists may be changed.
func (ix *index) clone() *index {
	c := *ix
	c.Segments = append([]segmentEntry{}, ix.Segments...)
	c.Packs = append([]packEntry{}, ix.Packs...)
	c.Garbage = append([]garbage{}, ix.Garbage...)
	return &c
}

// keys returns all objects of a segment.
func (s *segmentEntry) keys() []string {
	keys := []string{s.Main.Key, s.Batches.Key, s.Known.Key}
	for _, c := range s.Copies {
		keys = append(keys, c.File.Key)
	}
	if s.Without != nil {
		keys = append(keys, s.Without.Key)
	}
	return keys
}
