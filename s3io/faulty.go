package s3io

import (
	"context"
	"iter"
)

// An Op names a verb of a Bucket.
type Op string

// The verbs.
const (
	OpGet    Op = "get"
	OpPut    Op = "put"
	OpDelete Op = "delete"
	OpList   Op = "list"
)

// Faulty is a Bucket that fails as it is told, to try out what a crash or a lost answer leaves behind. Both functions may be
// nil; what they return becomes the error of the call. A listing's key is its prefix.
type Faulty struct {
	Bucket
	Before func(op Op, key string) error // the call does not happen
	After  func(op Op, key string) error // the call has happened, but its answer is lost
}

func (f *Faulty) call(op Op, key string, do func() error) error {
	if f.Before != nil {
		if err := f.Before(op, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if f.After != nil {
		return f.After(op, key)
	}
	return nil
}

// Get calls the bucket's Get.
func (f *Faulty) Get(ctx context.Context, key string) (body []byte, e ETag, err error) {
	err = f.call(OpGet, key, func() error {
		body, e, err = f.Bucket.Get(ctx, key)
		return err
	})
	return body, e, err
}

// GetChanged calls the bucket's GetChanged, as a get.
func (f *Faulty) GetChanged(ctx context.Context, key string, was ETag) (body []byte, e ETag, err error) {
	err = f.call(OpGet, key, func() error {
		body, e, err = f.Bucket.GetChanged(ctx, key, was)
		return err
	})
	return body, e, err
}

// GetObject calls the bucket's GetObject, as a get.
func (f *Faulty) GetObject(ctx context.Context, key string) (o Object, err error) {
	err = f.call(OpGet, key, func() error {
		o, err = f.Bucket.GetObject(ctx, key)
		return err
	})
	return o, err
}

// GetRange calls the bucket's GetRange, as a get.
func (f *Faulty) GetRange(ctx context.Context, key string, offset, n int64) (body []byte, e ETag, err error) {
	err = f.call(OpGet, key, func() error {
		body, e, err = f.Bucket.GetRange(ctx, key, offset, n)
		return err
	})
	return body, e, err
}

// Put calls the bucket's Put.
func (f *Faulty) Put(ctx context.Context, key string, body []byte, cond Cond) (e ETag, err error) {
	err = f.call(OpPut, key, func() error {
		e, err = f.Bucket.Put(ctx, key, body, cond)
		return err
	})
	return e, err
}

// Delete calls the bucket's Delete.
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.call(OpDelete, key, func() error { return f.Bucket.Delete(ctx, key) })
}

// List calls the bucket's List, unless Before fails.
func (f *Faulty) List(ctx context.Context, l Listing) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		if err := f.call(OpList, l.Prefix, func() error { return nil }); err != nil {
			yield(ObjectInfo{}, err)
			return
		}
		f.Bucket.List(ctx, l)(yield)
	}
}
