package s3io

import (
	"context"
	"errors"

	"retrain"
)

// What is to be imported lies beside the runs, named by its digest: the number of the run that will take it over is not known
// yet when it is stored, and the same file sent twice is the same object. It stays, as the proof of what was imported.

func importKey(model, sha256 string) string {
	return modelKey(model) + "imports/" + segment(sha256) + ".json"
}

// PutImport stores a file that a run of the model will take over, and returns its SHA-256.
func (r *Runs) PutImport(ctx context.Context, model string, file []byte) (string, error) {
	sum := describe(file).SHA256
	_, err := r.Bucket.Put(ctx, importKey(model, sum), file, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		_, err = r.Imported(ctx, model, sum)
	}
	return sum, err
}

// Imported returns what PutImport stored, or a NotFoundError. A DataValidationError says that it is not what it was.
func (r *Runs) Imported(ctx context.Context, model, sha256 string) ([]byte, error) {
	body, _, err := r.Bucket.Get(ctx, importKey(model, sha256))
	if err == nil && describe(body).SHA256 != sha256 {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s is damaged: its name is not its digest", importKey(model, sha256))
	}
	return body, err
}
