package s3io_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"retrain"
	"retrain/s3io"
)

func TestBulks(t *testing.T) {
	s := &s3io.Bulks{Bucket: open(t, gateway(t))}
	ctx := t.Context()
	if _, found, err := s.Find(ctx, "price", "key"); found || err != nil {
		t.Errorf("before: got %v, %v", found, err)
	}
	b := retrain.Bulk{Format: 1, ID: "one", Model: "price", Version: 7, Records: 25, Rows: 10, At: begin}
	for _, id := range []string{"one", "two"} { // the second is told what holds
		b.ID = id
		if got, err := s.Begin(ctx, "key", b); err != nil || got.ID != "one" || got.Version != 7 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	b, found, err := s.Find(ctx, "price", "key")
	if err != nil || !found || b.ID != "one" || b.Chunks() != 3 {
		t.Errorf("got %+v, %v, %v", b, found, err)
	}
	chunk, half := b.Chunk(2), 0.5
	if _, err := s.Questions(ctx, chunk); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("no questions: got %v", err)
	}
	if _, err := s.Answers(ctx, chunk); !errors.Is(err, retrain.NotFoundError) {
		t.Errorf("no answers: got %v", err)
	}
	records := []retrain.Record{{"id": "a", "n": 1.5, "on": true, "at": "2026-03-01", "list": []any{"x"}, "none": nil}}
	answers := []retrain.Answered{{Row: 21, ID: "a", Version: 7, Prediction: &retrain.Prediction{Prediction: 0.0, Confidence: &half}},
		{Row: 22, Version: 7, Error: &retrain.Error{Code: retrain.DataValidationError, Message: "Missing features: n"}}}
	for range 2 { // the second changes nothing
		if err := errors.Join(s.PutQuestions(ctx, chunk, records), s.PutAnswers(ctx, chunk, answers)); err != nil {
			t.Fatal(err)
		}
		records, answers = records[:1:1], answers[:1:1]
	}
	if got, err := s.Questions(ctx, chunk); err != nil || !reflect.DeepEqual(got, records) {
		t.Errorf("got %v, %v", got, err)
	}
	got, err := s.Answers(ctx, chunk)
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[:1], answers) || got[1].Prediction != nil || got[1].Error.Message != "Missing features: n" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := s.Answered(ctx, b); err != nil || !reflect.DeepEqual(got, map[int]bool{2: true}) {
		t.Errorf("got %v, %v", got, err)
	}
	if err := s.Forget(ctx, "key", b); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s.Bucket, 0)
}

func wantKeys(t *testing.T, b s3io.Bucket, want int) {
	t.Helper()
	n := 0
	for o, err := range b.List(t.Context(), s3io.Listing{Prefix: "models/price/bulks/"}) {
		if n++; err != nil || n > want {
			t.Errorf("%s, %v", o.Key, err)
		}
	}
	if n != want {
		t.Errorf("%d keys, want %d", n, want)
	}
}

// What nobody came back for is removed, and so is what a removal that was interrupted has left.
func TestBulksAreTidiedUp(t *testing.T) {
	s := &s3io.Bulks{Bucket: open(t, gateway(t))}
	ctx := t.Context()
	record := []retrain.Record{{"id": "a"}}
	for i, key := range []string{"old", "young", "left"} {
		b := retrain.Bulk{Format: 1, ID: "of-" + key, Model: "price", Version: 7, Records: 1, Rows: 1, At: begin.Add(time.Duration(i) * time.Hour)}
		if key != "left" {
			if _, err := s.Begin(ctx, key, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutQuestions(ctx, b.Chunk(0), record); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Tidy(ctx, "price", begin.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s.Bucket, 2)
	if _, found, err := s.Find(ctx, "price", "young"); !found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
}

// A bulk of another release is not touched, unless somebody begins anew.
func TestABulkOfAnotherFormat(t *testing.T) {
	s := &s3io.Bulks{Bucket: open(t, gateway(t))}
	if _, err := s.Begin(t.Context(), "key", retrain.Bulk{Format: 2, ID: "b", Model: "price", Records: 1, Rows: 1}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Find(t.Context(), "price", "key"); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("got %v", err)
	}
	if err := s.Tidy(t.Context(), "price", begin.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	wantKeys(t, s.Bucket, 1)
}
