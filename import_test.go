package retrain_test

import (
	"errors"
	"testing"

	"retrain"
	"retrain/s3io"
)

// imports requests that the world's model takes over a file.
func (w *world) imports() (retrain.RunID, error) {
	w.t.Helper()
	m, err := w.catalog.Model(w.t.Context(), "price")
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := w.ledger.State(w.t.Context(), "price")
	if err != nil {
		w.t.Fatal(err)
	}
	sum, err := (&s3io.Runs{Bucket: w.bucket}).PutImport(w.t.Context(), "price", []byte("a model"))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.requester().Import(w.t.Context(), m, s, retrain.Import{SHA256: sum, Spec: *m, Origin: retrain.Origin{From: "retrain", Model: "other", SHA256: sum}})
}

func TestImportTakesNoRows(t *testing.T) {
	w := newWorld(t)
	w.again(func() error { return w.sweeper().Sweep(t.Context()) })
	if err := w.insert(0); err != nil { // 10 of 20 rows
		t.Fatal(err)
	}
	id, err := w.imports()
	if err != nil || id.Number != 1 {
		t.Fatalf("got %v, %v", id, err)
	}
	if _, err := w.imports(); !errors.Is(err, retrain.ConflictError) {
		t.Errorf("another while it waits: got %v, want a ConflictError", err)
	}
	if err := w.work(); err != nil {
		t.Fatal(err)
	}
	mf, err := (&s3io.Registry{Bucket: w.bucket}).Manifest(t.Context(), "price", 1)
	if err != nil || mf.Reason != retrain.ByImport || mf.Origin == nil || mf.Origin.Model != "other" || len(mf.Dataset.Objects) != 0 {
		t.Errorf("got %+v, %v", mf, err)
	}
	for _, lost := range []bool{false, true} {
		if lost {
			w.redis.FlushAll()
			w.again(func() error { return w.sweeper().Sweep(t.Context()) })
		}
		s, err := w.ledger.State(t.Context(), "price")
		if err != nil || s.Inserted != rows || s.Latest != 1 || s.Running != 0 || s.Queued != 0 || !s.Since.Equal(w.now) {
			t.Errorf("Redis lost %v: got %+v, %v, want %d rows that wait", lost, s, err, rows)
		}
	}
}

func TestTaken(t *testing.T) {
	m := &retrain.Model{Name: "mine", Type: retrain.Regression, Resource: "here", Features: []string{"a", "b"}, Target: retrain.Names{"y"}, Filter: "a > 0", Keep: 3}
	from := retrain.Model{Name: "theirs", Type: retrain.Regression, Resource: "there", Features: []string{"b", "a"}, Target: retrain.Names{"y"}, Filter: "b > 0",
		ModelConfig: retrain.ModelConfig{Polynomial: 3}}
	got, err := m.Taken(&from)
	if err != nil || got.Name != "mine" || got.Resource != "here" || got.Filter != "a > 0" || got.Keep != 3 || got.Features[0] != "b" || got.ModelConfig.Polynomial != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	for what, change := range map[string]func(f *retrain.Model){
		"type":             func(f *retrain.Model) { f.Type = retrain.TimeSeries },
		"a feature less":   func(f *retrain.Model) { f.Features = f.Features[:1] },
		"another feature":  func(f *retrain.Model) { f.Features = []string{"a", "c"} },
		"the same twice":   func(f *retrain.Model) { f.Features = []string{"a", "a"} },
		"another target":   func(f *retrain.Model) { f.Target = retrain.Names{"z"} },
		"one target more":  func(f *retrain.Model) { f.Target = retrain.Names{"y", "z"} },
		"no features left": func(f *retrain.Model) { f.Features = nil },
	} {
		f := from
		change(&f)
		if _, err := m.Taken(&f); !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("%s: got %v, want a ModelConfigError", what, err)
		}
	}
}
