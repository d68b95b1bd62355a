package s3io

import (
	"context"
	"encoding/json"
	"errors"

	"retrain"
)

// getJSON reads an object that is one JSON value.
func getJSON[T any](ctx context.Context, b Bucket, key string) (v T, e ETag, err error) {
	body, e, err := b.Get(ctx, key)
	if err != nil {
		return v, "", err
	}
	p, err := parse[T](key, body)
	if err != nil {
		return v, "", err
	}
	return *p, e, nil
}

// parse reads the JSON value of an object.
func parse[T any](key string, body []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(body, v); err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s: %w", key, err).WithHint("somebody else wrote this object")
	}
	return v, nil
}

// putJSON stores v as indented JSON, since people look at it too.
func putJSON(ctx context.Context, b Bucket, key string, v any, cond Cond) error {
	body, err := marshal(v)
	if err != nil {
		return retrain.Errorf(retrain.TrainingError, "%s: %w", key, err) // a number that is none, in a result
	}
	_, err = b.Put(ctx, key, body, cond)
	return err
}

func marshal(v any) ([]byte, error) {
	body, err := json.MarshalIndent(v, "", "  ")
	return append(body, '\n'), err
}

// once stores v unless the key is taken, and returns what holds: v, or what was there before.
func once[T any](ctx context.Context, b Bucket, key string, v T) (T, error) {
	err := putJSON(ctx, b, key, v, IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		v, _, err = getJSON[T](ctx, b, key)
	}
	return v, err
}

// optional reads an object that may not be there: nil then.
func optional[T any](ctx context.Context, b Bucket, key string) (*T, error) {
	v, _, err := getJSON[T](ctx, b, key)
	if errors.Is(err, retrain.NotFoundError) {
		return nil, nil //nolint:nilnil // the point of it
	} else if err != nil {
		return nil, err
	}
	return &v, nil
}
