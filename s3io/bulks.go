package s3io

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"

	"retrain"
)

// Bulks keeps predictions of many records while they are under way: a ticket, by which whoever asks again finds the bulk, and for
// each chunk its records and its answers, as zstd files of JSON lines.
type Bulks struct {
	Bucket Bucket
}

var (
	_ retrain.BulkStore  = (*Bulks)(nil)
	_ retrain.ChunkStore = (*Bulks)(nil)
)

func bulksKey(model string) string { return modelKey(model) + "bulks/" }

func ticketKey(model, key string) string { return bulksKey(model) + segment(key) + ".json" }

func chunksKey(model, bulk string) string { return bulksKey(model) + segment(bulk) + "/" }

func questionsKey(c retrain.Chunk) string {
	return fmt.Sprintf("%squestions/%08d.jsonl.zst", chunksKey(c.Model, c.Bulk), c.Number)
}

func answersKey(model, bulk string) string { return chunksKey(model, bulk) + "answers/" }

func chunkAnswersKey(c retrain.Chunk) string {
	return fmt.Sprintf("%s%08d.jsonl.zst", answersKey(c.Model, c.Bulk), c.Number)
}

// Begin stores a bulk under a key that says what is asked; where one is under way, that one is returned and holds.
func (s *Bulks) Begin(ctx context.Context, key string, b retrain.Bulk) (retrain.Bulk, error) {
	return once(ctx, s.Bucket, ticketKey(b.Model, key), b)
}

// Find returns the bulk that is under way for a key, and false where none is.
func (s *Bulks) Find(ctx context.Context, model, key string) (retrain.Bulk, bool, error) {
	b, err := optional[retrain.Bulk](ctx, s.Bucket, ticketKey(model, key))
	if err != nil || b == nil {
		return retrain.Bulk{}, false, err
	}
	if b.Format != 1 || b.Rows < 1 || b.Records < 0 {
		return *b, false, retrain.Errorf(retrain.DataValidationError, "%s: format %d, %d rows", ticketKey(model, key), b.Format, b.Rows).
			WithHint("it was begun by another release; --restart begins anew")
	}
	return *b, true, nil
}

// PutQuestions stores a chunk's records, unless they are there.
func (s *Bulks) PutQuestions(ctx context.Context, c retrain.Chunk, records []retrain.Record) error {
	return putLines(ctx, s.Bucket, questionsKey(c), records)
}

// Questions returns a chunk's records, or a NotFoundError.
func (s *Bulks) Questions(ctx context.Context, c retrain.Chunk) ([]retrain.Record, error) {
	return getLines[retrain.Record](ctx, s.Bucket, questionsKey(c))
}

// PutAnswers stores a chunk's answers, unless there are some.
func (s *Bulks) PutAnswers(ctx context.Context, c retrain.Chunk, answers []retrain.Answered) error {
	return putLines(ctx, s.Bucket, chunkAnswersKey(c), answers)
}

// Answers returns a chunk's answers, or a NotFoundError.
func (s *Bulks) Answers(ctx context.Context, c retrain.Chunk) ([]retrain.Answered, error) {
	return getLines[retrain.Answered](ctx, s.Bucket, chunkAnswersKey(c))
}

// Answered returns the numbers of the chunks that are answered.
func (s *Bulks) Answered(ctx context.Context, b retrain.Bulk) (map[int]bool, error) {
	answered := make(map[int]bool)
	prefix := answersKey(b.Model, b.ID)
	for o, err := range s.Bucket.List(ctx, Listing{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(o.Key, prefix), ".jsonl.zst")); err == nil {
			answered[n] = true
		}
	}
	return answered, nil
}

// Forget removes a bulk. Its ticket goes first: a bulk without one is nobody's.
func (s *Bulks) Forget(ctx context.Context, key string, b retrain.Bulk) error {
	if err := s.Bucket.Delete(ctx, ticketKey(b.Model, key)); err != nil {
		return err
	}
	return s.remove(ctx, chunksKey(b.Model, b.ID))
}

func (s *Bulks) remove(ctx context.Context, prefix string) error {
	for o, err := range s.Bucket.List(ctx, Listing{Prefix: prefix}) {
		if err == nil {
			err = s.Bucket.Delete(ctx, o.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Tidy removes a model's bulks that were begun before a moment, and what is left of those whose removal was interrupted.
func (s *Bulks) Tidy(ctx context.Context, model string, before time.Time) error {
	prefix := bulksKey(model)
	var folders []string
	for name, err := range foldersUnder(ctx, s.Bucket, prefix) { // before the tickets: a ticket is older than its folder
		if err != nil {
			return err
		}
		folders = append(folders, name)
	}
	wanted := make(map[string]bool)
	for o, err := range s.Bucket.List(ctx, Listing{Prefix: prefix, Delimiter: "/"}) {
		if err != nil {
			return err
		}
		name, ticket := strings.CutSuffix(strings.TrimPrefix(o.Key, prefix), ".json")
		if !ticket {
			continue
		}
		key, ok := unsegment(name)
		if !ok {
			continue
		}
		b, found, err := s.Find(ctx, model, key)
		switch {
		case err != nil || !found: // gone meanwhile, or another release's
			wanted[segment(b.ID)] = true
		case b.At.Before(before):
			if err := s.Forget(ctx, key, b); err != nil {
				return err
			}
		default:
			wanted[segment(b.ID)] = true
		}
	}
	for _, folder := range folders {
		if !wanted[folder] {
			if err := s.remove(ctx, prefix+folder+"/"); err != nil {
				return err
			}
		}
	}
	return nil
}

// putLines stores values as JSON lines, unless the key is taken.
func putLines[T any](ctx context.Context, b Bucket, key string, values []T) error {
	var lines bytes.Buffer
	for i, v := range values {
		if err := jsonv2.MarshalWrite(&lines, v, jsonv2.Deterministic(true)); err != nil {
			return retrain.Errorf(retrain.DataValidationError, "record %d: %w", i+1, err)
		}
		lines.WriteByte('\n')
	}
	zip, err := packer()
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, key, zip.EncodeAll(lines.Bytes(), nil), IfAbsent)
	if errors.Is(err, retrain.ConflictError) {
		return nil
	}
	return err
}

func getLines[T any](ctx context.Context, b Bucket, key string) ([]T, error) {
	object, _, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	in, err := zstd.NewReader(bytes.NewReader(object), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostUnpacked))
	if err != nil {
		return nil, err
	}
	defer in.Close()
	lines, err := io.ReadAll(in)
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s: zstd: %w", key, err)
	}
	values := make([]T, 0, bytes.Count(lines, []byte{'\n'}))
	for line := range bytes.Lines(lines) {
		var v T
		if err := jsonv2.Unmarshal(line, &v); err != nil {
			return nil, retrain.Errorf(retrain.DataValidationError, "%s: line %d: %w", key, len(values)+1, err)
		}
		values = append(values, v)
	}
	return values, nil
}
