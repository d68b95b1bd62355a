package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"retrain"
)

// stored is a record of a database as it lay in S3: a line of a copy.
type stored struct {
	ID       string            `json:"id"`
	At       int64             `json:"at,omitzero"` // when it was written, in seconds since 1970
	ETag     string            `json:"etag,omitzero"`
	Size     int64             `json:"size,omitzero"`
	Young    bool              `json:"young,omitzero"` // it was read within the second in which it was written, or the next
	Metadata map[string]string `json:"meta,omitzero"`
	Body     string            `json:"body,omitzero"`
	Gone     bool              `json:"gone,omitzero"` // it was deleted
}

// record returns the line as encodeBatch takes it.
func (s *stored) record() retrain.Record {
	r := retrain.Record{"id": s.ID}
	if s.Gone {
		r["gone"] = true
		return r
	}
	r["at"], r["etag"], r["size"], r["meta"] = float64(s.At), s.ETag, float64(s.Size), s.Metadata
	if s.Young {
		r["young"] = true
	}
	if s.Body != "" {
		r["body"] = s.Body
	}
	return r
}

func (s *stored) digest() uint64 {
	var h maphash.Hash
	h.SetSeed(tagSeed)
	for _, name := range slices.Sorted(maps.Keys(s.Metadata)) {
		fmt.Fprintf(&h, "%q%q", name, s.Metadata[name])
	}
	h.WriteString(s.Body)
	return h.Sum64()
}

// fetch reads records. One that is gone since it was listed is no error; any other is.
func (c *copies) fetch(ctx context.Context, from *legacy, list []ObjectInfo) ([]*stored, error) {
	fetched, err := all(ctx, len(list), connections, func(ctx context.Context, i int) (*stored, error) {
		o, err := from.bucket.GetObject(ctx, list[i].Key)
		if errors.Is(err, retrain.NotFoundError) {
			return nil, nil //nolint:nilnil // left out below
		} else if err != nil {
			return nil, inObject(list[i].Key, err)
		}
		return newStored(from, list[i].Key, &o)
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(fetched, func(s *stored) bool { return s == nil || c.settled(s) }), nil
}

// Records are written at whole seconds: one that was read so soon may be written again without a change of its time.
const settling = 2 * time.Second

func newStored(from *legacy, key string, o *Object) (*stored, error) {
	s := &stored{ID: from.id(key), At: o.LastModified.Unix(), ETag: string(o.ETag), Size: int64(len(o.Body)), Metadata: o.Metadata}
	now := o.Date
	if now.IsZero() {
		now = time.Now()
	}
	s.Young = now.Unix()-s.At < int64(settling/time.Second)
	if isText(o) {
		s.Body = string(o.Body)
	}
	for name, v := range s.Metadata {
		if !utf8.ValidString(name) || !utf8.ValidString(v) {
			return nil, inObject(key, retrain.Errorf(retrain.DataValidationError, "its metadata %q is not UTF-8", name))
		}
	}
	return s, nil
}

// isText reports whether a body may have values in it. Other bodies are files that belong to a record.
func isText(o *Object) bool {
	return bytes.HasPrefix(bytes.TrimSpace(o.Body), []byte("{")) && utf8.Valid(o.Body)
}

// settled reports whether a record that was fetched again is what was copied: it was young, or listed with another time than it
// has. It is forgotten that it was young once it no longer is.
func (c *copies) settled(s *stored) bool {
	was, known := c.known[s.ID]
	is := stateOf(s.At, ETag(s.ETag), s.Size)
	digest, young := c.young[s.ID]
	if !known || was.at != is.at || was.tag != is.tag || young && digest != s.digest() {
		return false
	}
	if !s.Young {
		delete(c.young, s.ID)
	}
	return true
}
