package s3io

import (
	"context"
	"iter"
	"time"
)

// A Bucket keeps objects by key. Every write is atomic and, once acknowledged, seen by every reader and listing. Its methods
// may be called by many goroutines. Whatever does not answer, or may not be asked, is an UnavailableError.
type Bucket interface {
	// Get returns an object, or a NotFoundError. The caller owns the bytes.
	Get(ctx context.Context, key string) ([]byte, ETag, error)
	// GetChanged returns an object as Get does; where it still is what it was when its ETag was read, no bytes come, and that ETag.
	GetChanged(ctx context.Context, key string, was ETag) ([]byte, ETag, error)
	// GetObject returns an object with all that is said of it, or a NotFoundError. The caller owns it.
	GetObject(ctx context.Context, key string) (Object, error)
	// GetRange returns at most n bytes of an object from an offset on, fewer where it ends before, and the ETag of the whole; or a
	// NotFoundError. An offset at or behind the end is a DataValidationError.
	GetRange(ctx context.Context, key string, offset, n int64) ([]byte, ETag, error)
	// Put stores an object under a condition, and returns a ConflictError where the condition does not hold. That is no proof that
	// nothing was stored: the first of two attempts may have been, and its answer lost. The body is not kept.
	Put(ctx context.Context, key string, body []byte, cond Cond) (ETag, error)
	// Delete removes an object; one that does not exist is no error.
	Delete(ctx context.Context, key string) error
	// List yields what a listing asks for, sorted by the bytes of the key. It ends after yielding an error.
	List(ctx context.Context, l Listing) iter.Seq2[ObjectInfo, error]
}

// An Object is an object with all that is said of it.
type Object struct {
	Body         []byte
	ETag         ETag
	LastModified time.Time         // in whole seconds on most servers
	Metadata     map[string]string // the user's, with names in lower case
	Date         time.Time         // the server's clock at its answer; zero where it does not say
}

// An ETag names the content of an object, without quotes. It is the server's to choose: compare it, never compute it.
type ETag string

// A Cond is a condition under which a Put happens. The zero Cond is Always.
type Cond struct {
	absent bool
	etag   ETag
}

// The conditions that need no ETag.
var (
	Always   = Cond{}
	IfAbsent = Cond{absent: true} // only where no object has the key
)

// IfMatch is the condition that the object still is what it was when its ETag was read.
func IfMatch(e ETag) Cond { return Cond{etag: e} }

// A Listing chooses keys.
type Listing struct {
	Prefix    string
	After     string // only keys after this one; not together with a Delimiter
	Delimiter string // keys that have it after the prefix are rolled up into one, which ends with it
	Page      int    // how many are asked for at once, where whoever asks means to stop early; 0: as many as the server gives
}

// An ObjectInfo is what a listing says of an object. Of a rolled-up prefix it says the key alone.
type ObjectInfo struct {
	Key          string
	ETag         ETag
	Size         int64
	LastModified time.Time
}
