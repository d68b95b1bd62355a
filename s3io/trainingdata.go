package s3io

import (
	"bytes"
	"context"
	"iter"

	"retrain"
)

// trainingDataName is the file of a version that holds what it learnt, where its model says so.
const trainingDataName = "training-data.jsonl.zst"

// TrainingData yields the records that a version learnt, as they were read. A NotFoundError says that they were not saved.
func (r *Registry) TrainingData(ctx context.Context, mf *retrain.Manifest) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		body, err := r.trainingData(ctx, mf)
		if err != nil {
			yield(nil, err)
			return
		}
		Read(bytes.NewReader(body), JSONL)(yield)
	}
}

func (r *Registry) trainingData(ctx context.Context, mf *retrain.Manifest) ([]byte, error) {
	want, ok := mf.Files[trainingDataName]
	if !ok {
		return nil, retrain.Errorf(retrain.NotFoundError, "the training data of %s version %d were not saved", mf.Model, mf.Version).
			WithHint("saveTrainingData: true, of the model or of all, keeps those of the next version")
	}
	return r.file(ctx, versionKey(mf.Model, mf.Version)+trainingDataName, want)
}
