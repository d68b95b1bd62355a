package s3io

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sort"

	"retrain"
)

// Batches are known for ever, by 16 bytes each: the sorted beginnings of the SHA-256 of their ids. They are evenly spread, so one
// is found by asking for the part of the object where it must be.

const (
	hashSize  = 16
	knownPage = 4096 * hashSize // that is asked for
	knownKept = 1 << 20         // an object up to this size is kept whole
)

type batchHash [hashSize]byte

func hashOf(id string) batchHash {
	sum := sha256.Sum256([]byte(id))
	return batchHash(sum[:hashSize])
}

func encodeKnown(hashes []batchHash) []byte {
	slices.SortFunc(hashes, func(a, b batchHash) int { return bytes.Compare(a[:], b[:]) })
	hashes = slices.Compact(hashes)
	b := make([]byte, 0, len(hashes)*hashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// wasAbsorbed reports whether a batch is in any segment of an index.
func (r *Records) wasAbsorbed(ctx context.Context, ix *index, id string) (bool, error) {
	h := hashOf(id)
	for i := range ix.Segments {
		if found, err := r.knows(ctx, ix.Segments[i].Known, h); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// knows looks a hash up.
func (r *Records) knows(ctx context.Context, f fileRef, h batchHash) (bool, error) {
	if f.Size <= knownKept {
		all, err := cached(ctx, &r.cache, f.Key, func(ctx context.Context) ([]byte, error) {
			b, _, err := r.Bucket.Get(ctx, f.Key)
			return b, err
		})
		return among(all, h), err
	}
	share := float64(binary.BigEndian.Uint64(h[:])) / (1 << 64)
	for lo, hi := int64(0), f.Size/hashSize; lo < hi; {
		const page = knownPage / hashSize
		at := min(max(lo, int64(share*float64(f.Size/hashSize))-page/2), max(lo, hi-1))
		b, _, err := r.Bucket.GetRange(ctx, f.Key, at*hashSize, knownPage)
		if err != nil {
			return false, err
		}
		n := int64(len(b) / hashSize)
		switch {
		case n == 0:
			return false, retrain.Errorf(retrain.DataValidationError, "%s: it is shorter than the index says", f.Key)
		case bytes.Compare(h[:], b[:hashSize]) < 0:
			hi = at
			share -= float64(page) / float64(f.Size/hashSize)
		case bytes.Compare(h[:], b[(n-1)*hashSize:][:hashSize]) > 0:
			lo = at + n
			share += float64(page) / float64(f.Size/hashSize)
		default:
			return among(b, h), nil
		}
	}
	return false, nil
}

func among(sorted []byte, h batchHash) bool {
	n := len(sorted) / hashSize
	at := func(i int) []byte { return sorted[i*hashSize:][:hashSize] }
	i := sort.Search(n, func(i int) bool { return bytes.Compare(at(i), h[:]) >= 0 })
	return i < n && bytes.Equal(at(i), h[:])
}
