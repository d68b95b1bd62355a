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

// openRemote fetches a file's first piece.
func openRemote(ctx context.Context, b Bucket, o retrain.DataObject) (*remoteFile, error) {
	f := &remoteFile{bucket: b, object: o}
	p, err := f.get(ctx, 0, pieceSize)
	f.head, f.size = p.Body, p.Size
	return f, err
}

// get reads a piece. A file that has changed since the snapshot is a NotFoundError: what it was is no longer there.
func (f *remoteFile) get(ctx context.Context, offset, n int64) (Piece, error) {
	p, err := getPiece(ctx, f.bucket, f.object.Key, offset, n)
	if errors.Is(err, retrain.NotFoundError) {
		return p, retrain.Errorf(retrain.NotFoundError, "%s is gone since the snapshot: %w", f.object.Key, err)
	} else if err == nil && f.object.ETag != string(p.ETag) || errors.Is(err, retrain.DataValidationError) {
		return p, retrain.Errorf(retrain.NotFoundError, "%s was changed since the snapshot", f.object.Key).
			WithHint("add new files instead of changing those that are there; the next run reads them as they are then")
	} else if err != nil {
		return p, fmt.Errorf("%s: %w", f.object.Key, err)
	}
	return p, nil
}

// reader returns the file from its beginning to its end. stop ends the fetching ahead.
func (f *remoteFile) reader(ctx context.Context) (r io.Reader, stop func()) {
	n := int(max(1, (f.size+pieceSize-1)/pieceSize))
	next, stop := iter.Pull2(inOrder(ctx, n, piecesAhead, func(ctx context.Context, i int) ([]byte, error) {
		if i == 0 {
			return f.head, nil
		}
		p, err := f.get(ctx, int64(i)*pieceSize, pieceSize)
		return p.Body, err
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
			p, err := f.get(ctx, offset, want)
			if err != nil {
				return 0, err
			}
			want = int64(copy(b, p.Body))
		}
		if want < int64(len(b)) {
			return int(want), io.EOF
		}
		return int(want), nil
	})
}

type readerAtFunc func(b []byte, offset int64) (int, error)

func (f readerAtFunc) ReadAt(b []byte, offset int64) (int, error) { return f(b, offset) }
