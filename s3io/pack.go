package s3io

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"retrain"
)

// A pack is the objects of an absorption as they were, one behind the other, after a frame that says where which begins. It is
// itself a zstd file of JSON lines. Whoever finds that an object of the log is gone reads it here; and what a batch brought is
// told from here, also when its rows have been replaced since.

// A packHead says what is in a pack.
type packHead struct {
	Format  int            `json:"format"` // 1
	N       int            `json:"n"`      // of the absorption
	Objects []packedObject `json:"objects"`

	batches map[string]bool // ids
}

// A packedObject is one object in a pack.
type packedObject struct {
	Name    string      `json:"name"` // behind the log's prefix
	ETag    ETag        `json:"etag"`
	Size    int64       `json:"size"`
	Batches []batchHead `json:"batches"` // those that were absorbed with it
}

func packsKey(resource string) string { return resourceKey(resource) + "packs/" }

// encodePack returns a pack, and how many bytes come before the first object.
func encodePack(h packHead, objects [][]byte) (pack []byte, head int64, err error) {
	header, err := json.Marshal(h)
	if err != nil {
		return nil, 0, err
	}
	pack = skippedFrame(header)
	head = int64(len(pack))
	return append(pack, bytes.Join(objects, nil)...), head, nil
}

// packHead reads the head of a pack.
func (r *Records) packHead(ctx context.Context, p *packEntry) (*packHead, error) {
	return cached(ctx, &r.cache, p.File.Key, func(ctx context.Context) (*packHead, error) {
		b, _, err := r.Bucket.GetRange(ctx, p.File.Key, 0, p.Head)
		if err != nil {
			return nil, err
		}
		h := packHead{batches: make(map[string]bool)}
		if int64(len(b)) != p.Head || len(b) < 8 || binary.LittleEndian.Uint32(b) != skippable || json.Unmarshal(b[8:], &h) != nil || h.Format != 1 {
			return nil, retrain.Errorf(retrain.DataValidationError, "%s: it does not begin as a pack does", p.File.Key)
		}
		for _, o := range h.Objects {
			for _, b := range o.Batches {
				h.batches[b.ID] = true
			}
		}
		return &h, nil
	})
}

// fromPack reads an object that was absorbed, or returns a NotFoundError.
func (r *Records) fromPack(ctx context.Context, o *retrain.DataObject) ([]byte, error) {
	resource, name, ok := logName(o.Key)
	gone := retrain.Errorf(retrain.NotFoundError, "%s is gone since the snapshot", o.Key)
	if !ok {
		return nil, gone
	}
	ix, err := r.index(ctx, resource)
	if err != nil {
		return nil, err
	}
	for i := range slices.Backward(ix.Packs) {
		p := &ix.Packs[i]
		h, err := r.packHead(ctx, p)
		if errors.Is(err, retrain.NotFoundError) { // cleaned up just now
			continue
		} else if err != nil {
			return nil, err
		}
		if offset, size, found := h.find(name, ETag(o.ETag)); found {
			body, _, err := r.Bucket.GetRange(ctx, p.File.Key, p.Head+offset, size)
			return body, err
		}
	}
	return nil, gone
}

// find returns where an object begins, after the head.
func (h *packHead) find(name string, e ETag) (offset, size int64, found bool) {
	for _, o := range h.Objects {
		if o.Name == name && (e == "" || o.ETag == e) {
			return offset, o.Size, true
		}
		offset += o.Size
	}
	return 0, 0, false
}

// logName returns the resource and the name of a log's object.
func logName(key string) (resource, name string, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != "resources" || parts[2] != "log" {
		return "", "", false
	}
	resource, ok = unsegment(parts[1])
	return resource, parts[3], ok
}

func numbered(n int, token string) string { return fmt.Sprintf("%08d-%s", n, token) }
