package s3io

import (
	"context"
	"encoding/binary"
	"math/bits"

	"retrain"
)

// A bitset is a set of row numbers.
type bitset []uint64

func (b bitset) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 == 1 }

// with returns the set with one more; it may share memory with b.
func (b bitset) with(i int) bitset {
	for len(b) <= i>>6 {
		b = append(b, 0)
	}
	b[i>>6] |= 1 << (i & 63)
	return b
}

func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// encode returns the set as a zstd frame of its words.
func (b bitset) encode() ([]byte, error) {
	words := make([]byte, 0, 8*len(b))
	for _, w := range b {
		words = binary.LittleEndian.AppendUint64(words, w)
	}
	zip, err := packer()
	if err != nil {
		return nil, err
	}
	return zip.EncodeAll(words, nil), nil
}

// without reads which rows of a segment no longer hold.
func (r *Records) without(ctx context.Context, key string) (bitset, error) {
	return cached(ctx, &r.cache, key, func(ctx context.Context) (bitset, error) {
		object, _, err := r.Bucket.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		unzip, err := unpacker()
		if err != nil {
			return nil, err
		}
		words, err := unzip.DecodeAll(object, nil)
		if err != nil || len(words)%8 != 0 {
			return nil, inObject(key, retrain.Errorf(retrain.DataValidationError, "it is no set of rows: %w", err))
		}
		set := make(bitset, len(words)/8)
		for i := range set {
			set[i] = binary.LittleEndian.Uint64(words[8*i:])
		}
		return set, nil
	})
}
