package s3io

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"retrain"
)

// How a file is fetched: in pieces, some ahead of who reads it. A small file is one.
const (
	pieceSize   = 8 << 20
	piecesAhead = 4
)

// A remoteFile is a file as it was at a snapshot, of which the first piece is here.
type remoteFile struct {
	bucket Bucket
	object retrain.DataObject
	size   int64
	head   []byte
}

// openRemote fetches a file's first piece. Of a snapshot that does not say how long its files are, that is the whole.
func openRemote(ctx context.Context, b Bucket, o retrain.DataObject) (*remoteFile, error) {
	f := &remoteFile{bucket: b, object: o, size: o.Size}
	var err error
	if o.Size > pieceSize {
		f.head, err = f.get(ctx, 0, pieceSize)
		return f, err
	}
	body, e, err := b.Get(ctx, o.Key)
	f.head, f.size = body, int64(len(body))
	return f, f.asItWas(e, err)
}

// get reads a piece.
func (f *remoteFile) get(ctx context.Context, offset, n int64) ([]byte, error) {
	body, e, err := f.bucket.GetRange(ctx, f.object.Key, offset, n)
	if err = f.asItWas(e, err); err == nil && int64(len(body)) != min(n, f.size-offset) {
		err = retrain.Errorf(retrain.UnavailableError, "%s: %d bytes came of those from %d on, and not %d", f.object.Key, len(body), offset, n)
	}
	return body, err
}

// asItWas says what an error is, or an ETag. A file that has changed since the snapshot is a NotFoundError: what it was is no longer
// there.
func (f *remoteFile) asItWas(e ETag, err error) error {
	switch {
	case errors.Is(err, retrain.NotFoundError):
		return retrain.Errorf(retrain.NotFoundError, "%s is gone since the snapshot: %w", f.object.Key, err)
	case err == nil && f.object.ETag != string(e), errors.Is(err, retrain.DataValidationError): // or it ends before
		return retrain.Errorf(retrain.NotFoundError, "%s was changed since the snapshot", f.object.Key).
			WithHint("add new files instead of changing those that are there; the next run reads them as they are then")
	case err != nil:
		return fmt.Errorf("%s: %w", f.object.Key, err)
	}
	return nil
}

// reader returns the file from its beginning to its end. stop ends the fetching ahead.
func (f *remoteFile) reader(ctx context.Context) (r io.Reader, stop func()) {
	n := int(max(1, (f.size+pieceSize-1)/pieceSize))
	next, stop := iter.Pull2(inOrder(ctx, n, piecesAhead, func(ctx context.Context, i int) ([]byte, error) {
		if i == 0 {
			return f.head, nil
		}
		return f.get(ctx, int64(i)*pieceSize, pieceSize)
	}))
	return &pieces{next: next}, stop
}

// pieces reads one piece after the other.
type pieces struct {
	next func() ([]byte, error, bool)
	rest []byte
	err  error
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.rest) == 0 && p.err == nil {
		var more bool
		if p.rest, p.err, more = p.next(); !more {
			p.err = io.EOF
		}
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// readerAt returns the file as one that is read here and there. It keeps the head alone.
func (f *remoteFile) readerAt(ctx context.Context) io.ReaderAt {
	return readerAtFunc(func(b []byte, offset int64) (int, error) {
		want := min(int64(len(b)), f.size-offset)
		switch {
		case want <= 0:
			return 0, io.EOF
		case offset+want <= int64(len(f.head)):
			copy(b, f.head[offset:offset+want])
		default:
			body, err := f.get(ctx, offset, want)
			if err != nil {
				return 0, err
			}
			copy(b, body)
		}
		if want < int64(len(b)) {
			return int(want), io.EOF
		}
		return int(want), nil
	})
}

type readerAtFunc func(b []byte, offset int64) (int, error)

func (f readerAtFunc) ReadAt(b []byte, offset int64) (int, error) { return f(b, offset) }
