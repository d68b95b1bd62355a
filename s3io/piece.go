package s3io

import (
	"context"

	"retrain"
)

// A Piece is some bytes of an object.
type Piece struct {
	Body []byte
	ETag ETag
	Size int64 // of the whole object
}

// A PieceReader is a Bucket that reads objects piece by piece.
type PieceReader interface {
	// GetPiece returns n bytes of an object from an offset on, and fewer where the object ends before, or a NotFoundError. The
	// caller owns the bytes. An offset behind the end is a DataValidationError.
	GetPiece(ctx context.Context, key string, offset, n int64) (Piece, error)
}

// getPiece reads a piece of an object in any bucket. One that has no pieces is asked for the whole.
func getPiece(ctx context.Context, b Bucket, key string, offset, n int64) (Piece, error) {
	if r, ok := b.(PieceReader); ok {
		return r.GetPiece(ctx, key, offset, n)
	}
	body, e, err := b.Get(ctx, key)
	if err != nil {
		return Piece{}, err
	}
	return pieceOf(body, e, key, offset, n)
}

func pieceOf(body []byte, e ETag, key string, offset, n int64) (Piece, error) {
	size := int64(len(body))
	if offset < 0 || offset > size || n < 0 {
		return Piece{}, retrain.Errorf(retrain.DataValidationError, "%s: it has %d bytes, and none from %d on", key, size, offset)
	}
	return Piece{body[offset:min(size, offset+n)], e, size}, nil
}
