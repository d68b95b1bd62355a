package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"retrain"
	"retrain/internal/app"
	"retrain/s3io"
)

// manyRows are n records of which each tenth cannot be answered.
func manyRows(n int) string {
	var b strings.Builder
	for i := range n {
		if i%10 == 9 {
			fmt.Fprintf(&b, `{"id":"r%d"}`+"\n", i+1)
		} else {
			fmt.Fprintf(&b, `{"id":"r%d","cost":%d}`+"\n", i+1, i)
		}
	}
	return b.String()
}

// trained declares a model, and trains it twice: it answers 24 and 25.
func (s *stage) trained() *stage {
	s.Helper()
	s.ok("apply", "-f", s.write("retrain.yaml", `
resources:
  products: {partitions: {byColour: [colour]}}
models:
  price: {type: regression, resource: products, features: [cost], target: price, filter: "price > 0", minTrainingSamples: 3}
`))
	s.works()
	s.ok("insert", "products", s.write("six.csv", sixRows))
	s.ok("train", "price", "--wait")
	s.ok("insert", "products", s.write("one.jsonl", `{"id":"6","cost":15,"price":30}`))
	s.ok("train", "price", "--wait")
	return s
}

// checkAnswers looks at answers to manyRows.
func checkAnswers(t *testing.T, text []byte, n, version int) {
	t.Helper()
	row := 0
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		row++
		var a retrain.Answered
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.Row != row || a.ID != fmt.Sprintf("r%d", row) || a.Version != version {
			t.Fatalf("line %d: got %s", row, lines.Bytes())
		}
		if bad := row%10 == 0; bad != (a.Error != nil) || bad == (a.Prediction != nil) || bad && a.Error.Message != "Missing features: cost" {
			t.Fatalf("line %d: got %s", row, lines.Bytes())
		}
	}
	if row != n {
		t.Errorf("got %d lines, want %d", row, n)
	}
}

// nothingLeft fails where chunks of a bulk lie in S3 still, or their tasks in the queue.
func (s *stage) nothingLeft(a *app.App) {
	s.Helper()
	for o, err := range a.Bucket.List(s.Context(), s3io.Listing{Prefix: "models/price/bulks/"}) {
		s.Errorf("left: %s, %v", o.Key, err)
	}
}

// parts returns the parts of the system, for a look behind the scenes.
func (s *stage) parts() *app.App {
	s.Helper()
	a, err := s.open()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = a.Close() })
	return a
}

// A version is asked by its number or label, through the queue and by HTTP.
func TestPredictByVersion(t *testing.T) {
	s := newStage(t).trained()
	worker := httptest.NewServer(predictions(s))
	defer worker.Close()
	for _, way := range [][]string{nil, {"--url", worker.URL}} {
		for _, test := range []struct {
			which   []string
			version int
			want    float64
		}{
			{nil, 2, 25}, {[]string{"--version", "1"}, 1, 24}, {[]string{"--version", "2"}, 2, 25},
			{[]string{"--label", "previous"}, 1, 24}, {[]string{"--label", "champion"}, 2, 25},
		} {
			var a answered
			s.json(&a, slices.Concat([]string{"predict", "price", "--features", `{"cost":1}`}, test.which, way)...)
			if a.Version != test.version || a.Prediction.Prediction != test.want {
				t.Errorf("%v %v: got %+v", test.which, way, a)
			}
		}
		s.fails(retrain.NotFoundError, "9", slices.Concat([]string{"predict", "price", "--features", `{"cost":1}`, "--version", "9"}, way)...)
		s.fails(retrain.NotFoundError, "stable", slices.Concat([]string{"predict", "price", "--features", `{"cost":1}`, "--label", "stable"}, way)...)
	}
}

func TestBulk(t *testing.T) {
	s := newStage(t).trained()
	file, out := s.write("many.jsonl", manyRows(95)), filepath.Join(t.TempDir(), "answers.jsonl")
	var b bulked
	s.json(&b, "predict", "price", "-f", file, "-o", out, "--chunk", "10")
	if b.DurationSeconds = 0; b != (bulked{Model: "price", Version: 2, Records: 95, Errors: 9, Output: out}) {
		t.Errorf("got %+v", b)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswers(t, text, 95, 2)
	if by1 := s.ok("predict", "price", "-f", file, "-o", "-", "--version", "1"); !strings.HasPrefix(by1, `{"row":1,"id":"r1","version":1,"prediction":24}`) {
		t.Errorf("by version 1: got %s", by1)
	}
	if labelled := s.ok("predict", "price", "-f", file, "-o", "-", "--label", "previous"); !strings.Contains(labelled, `"version":1`) {
		t.Errorf("by label: got %s", labelled)
	}
	s.inParquet(file)
	s.ofResource()
	s.nothingLeft(s.parts())
	s.fails(retrain.NotFoundError, "no version 9", "predict", "price", "-f", file, "-o", out, "--version", "9")
	s.fails(retrain.DataValidationError, "line 2", "predict", "price", "-f", s.write("half.jsonl", "{\"cost\":1}\n{\"cost\":"), "-o", out)
	s.fails(retrain.DataValidationError, "none.jsonl is empty", "predict", "price", "-f", s.write("none.jsonl", ""), "-o", out)
	s.fails(retrain.DataValidationError, "no such file", "predict", "price", "-f", file, "-o", filepath.Join(t.TempDir(), "no", "folder.jsonl"))
	s.ok("predict", "price", "-f", file, "-o", out, "--restart")
	for _, args := range [][]string{
		{"-f", file, "-o", "answers.txt"}, {"-o", out}, {"-f", file, "--resource", "products", "-o", out}, {"--resource", "products"},
		{"-f", file, "-o", "-", "--json"}, {"-f", file, "-o", out, "--chunk", "0"}, {"-f", file, "-o", out, "--version", "-1"},
		{"-f", file, "-o", out, "--version", "1", "--label", "previous"}, {"-f", file, "-o", "s3://bucket"}, {"-f", file, "-o", out, "--url", "http://127.0.0.1:1"},
	} {
		if r := s.run(append([]string{"predict", "price"}, args...)...); r.code != 2 {
			t.Errorf("%v: got %d %s", args, r.code, r.stderr)
		}
	}
}

// inParquet writes answers into an object.
func (s *stage) inParquet(file string) {
	s.Helper()
	s.ok("predict", "price", "-f", file, "-o", "s3://"+s.config.S3.Bucket+"/some/answers.parquet", "--chunk", "30")
	object, _, err := s.parts().Bucket.Get(s.Context(), "some/answers.parquet")
	if err != nil {
		s.Fatal(err)
	}
	type row struct { // the library reads no null into what is embedded
		Row        int64    `parquet:"row"`
		ID         *string  `parquet:"id,optional"`
		Version    int64    `parquet:"version"`
		Prediction *float64 `parquet:"prediction,optional"`
		Error      *string  `parquet:"error,optional"`
	}
	rows, err := parquet.Read[row](bytes.NewReader(object), int64(len(object)))
	if err != nil || len(rows) != 95 {
		s.Fatalf("got %d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		if r.Row != int64(i+1) || *r.ID != fmt.Sprintf("r%d", i+1) || r.Version != 2 || (r.Prediction == nil) != (i%10 == 9) || (r.Error == nil) != (i%10 != 9) {
			s.Fatalf("row %d: got %+v", i+1, r)
		}
	}
}

// ofResource asks for what is stored.
func (s *stage) ofResource() {
	s.Helper()
	if got := s.ok("predict", "price", "--resource", "products", "-o", "-", "--chunk", "4"); strings.Count(got, "\n") != 6 || !strings.Contains(got, `{"row":6,"id":"6","version":2,"prediction":25}`) {
		s.Errorf("got %s", got)
	}
	got := s.ok("predict", "price", "--resource", "products", "--partition", "byColour", "--values", "colour=blue", "-o", "-")
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `"id":"2"`) || !strings.Contains(got, `"id":"5"`) {
		s.Errorf("got %s", got)
	}
}

// What was answered is not asked again: a bulk goes on with its version, though another is champion meanwhile.
func TestBulkGoesOn(t *testing.T) {
	s := newStage(t).trained()
	a := s.parts()
	file, out := s.write("many.jsonl", manyRows(295)), filepath.Join(t.TempDir(), "answers.jsonl")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan result)
	go func() { done <- s.typed(ctx, "", "predict", "price", "-f", file, "-o", out, "--chunk", "1") }()
	var first map[string]time.Time
	s.eventually(func() error {
		first = s.answersIn(a)
		if len(first) < 20 {
			return errors.New("not yet")
		}
		return nil
	})
	stop()
	if r := <-done; r.code == 0 {
		t.Fatal("it was too fast to be interrupted: give it more rows")
	}
	first = s.answersIn(a)
	if _, err := os.Stat(out); err == nil {
		t.Error("half of the answers are there")
	}
	s.ok("rollback", "price")
	var b bulked
	s.json(&b, "predict", "price", "-f", file, "-o", out)
	if b.Version != 2 || b.Records != 295 || b.Resumed < len(first) || b.Resumed >= 295 {
		t.Errorf("got %+v after %d chunks", b, len(first))
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswers(t, text, 295, 2)
	s.nothingLeft(a)
	if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
}

// answersIn returns when the chunks of bulks were answered.
func (s *stage) answersIn(a *app.App) map[string]time.Time {
	s.Helper()
	answers := make(map[string]time.Time)
	for o, err := range a.Bucket.List(s.Context(), s3io.Listing{Prefix: "models/price/bulks/"}) {
		if err != nil {
			s.Fatal(err)
		}
		if strings.Contains(o.Key, "/answers/") {
			answers[o.Key] = o.LastModified
		}
	}
	return answers
}
