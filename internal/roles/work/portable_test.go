package work_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/httpapi"
	"retrain/internal/roles/work"
	"retrain/internal/testenv"
	"retrain/mlcore"
	"retrain/mlcore/portable"
)

const declared = `
resources: {products: {}}
models:
  price: {type: regression, resource: products, features: [cost, kind], target: price, modelConfig: {epochs: 3}}
  copy: {type: regression, resource: products, features: [kind, cost], target: price, keep: 3}
  careful: {type: regression, resource: products, features: [cost, kind], target: price, promote: {rule: improve}}
  other: {type: regression, resource: products, features: [cost], target: price}
`

// A stage is a system with a training worker and a predictor.
type stage struct {
	*testing.T
	*app.App
	live *retrain.Live
}

func newStage(t *testing.T) *stage {
	t.Helper()
	store := testenv.S3(t)
	c, err := app.Parse("retrain.yaml", []byte(declared))
	if err != nil {
		t.Fatal(err)
	}
	c.Redis = app.Redis{Addr: testenv.Redis(t)}
	c.S3 = app.S3{Bucket: store.Bucket, Endpoint: store.Endpoint, Region: store.Region, PathStyle: true, AccessKeyID: store.AccessKeyID, SecretAccessKey: store.SecretAccessKey}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, App: a, live: a.Live(mlcore.Load, t.TempDir())}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- work.Train(ctx, a, httpapi.NewMetrics("test"), &mlcore.Engine{}, "", nil, "") }()
	go func() { done <- s.live.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, <-done, a.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// verdict waits for a run's end and for what follows from it.
func (s *stage) verdict(id retrain.RunID, err error) *retrain.Result {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	var r *retrain.Result
	testenv.Eventually(s.T, time.Minute, func() error {
		run, err := s.Runs.Run(s.Context(), id)
		if r = run.Result; err == nil && r == nil {
			err = fmt.Errorf("run %s is %s", id, run.State())
		}
		if err != nil {
			return err
		}
		state, err := s.State(s.Context(), id.Model)
		if err == nil && state.Running == id.Number {
			err = fmt.Errorf("run %s is not settled", id)
		}
		return err
	})
	return r
}

// served returns what the predictor answers with a version.
func (s *stage) served(model string, version int) (p []retrain.Prediction) {
	s.Helper()
	testenv.Eventually(s.T, time.Minute, func() error {
		var err error
		var n int
		p, n, err = s.live.Predict(s.Context(), model, []retrain.Record{{"cost": 3.0, "kind": "b"}, {"cost": 70.5, "kind": "a"}})
		if err == nil && n != version {
			err = fmt.Errorf("version %d answers", n)
		}
		return err
	})
	return p
}

func TestImportGoesTheWayOfATraining(t *testing.T) {
	s := newStage(t)
	b := retrain.Batch{ID: "one", Resource: "products", At: time.Now()}
	for i := range 40 {
		b.Records = append(b.Records, retrain.Record{"id": fmt.Sprint(i), "cost": float64(i), "kind": []string{"a", "b"}[i%2], "price": float64(3*i + i%2)})
	}
	if _, err := s.Inserter.Insert(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if r := s.verdict(s.Train(t.Context(), "price", true)); r.State != retrain.Published {
		t.Fatalf("got %+v", r)
	}
	m, err := s.Export(t.Context(), "price", 0)
	if err != nil {
		t.Fatal(err)
	}
	r := s.verdict(s.Import(t.Context(), "copy", m))
	if r.State != retrain.Published || r.Version != 1 || r.Samples != 40 {
		t.Fatalf("got %+v", r)
	}
	if got, want := s.served("copy", 1), s.served("price", 1); !reflect.DeepEqual(got, want) {
		t.Errorf("the copy answers %v, want %v", got, want)
	}
	mf, err := s.Manifest(t.Context(), "copy", 1)
	if err != nil {
		t.Fatal(err)
	}
	if mf.Reason != retrain.ByImport || mf.Origin == nil || mf.Origin.Model != "price" || mf.Origin.Version != 1 || mf.Spec.Name != "copy" || mf.Spec.Keep != 3 ||
		mf.Spec.ModelConfig.Epochs != 3 || len(mf.Dataset.Objects) != 0 {
		t.Errorf("got the manifest %+v", mf)
	}
	again, err := s.Export(t.Context(), "copy", 1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Weights, m.Weights) {
		t.Error("the copy's weights are others")
	}

	s.thePersonDecides(m)
	s.nothingComesOf(m)
}

// By the rule improve the first import serves, and a second, which cannot be compared, does not.
func (s *stage) thePersonDecides(m *portable.Model) {
	s.Helper()
	if r := s.verdict(s.Import(s.Context(), "careful", m)); r.State != retrain.Published {
		s.Errorf("the first: got %+v", r)
	}
	if r := s.verdict(s.Import(s.Context(), "careful", m)); r.State != retrain.Rejected || r.Version != 2 {
		s.Errorf("the second: got %+v", r)
	}
	if r := s.verdict(s.Train(s.Context(), "careful", true)); r.State != retrain.Published && r.State != retrain.Rejected {
		s.Errorf("a training after imports: got %+v", r)
	}
}

// What cannot be imported is refused at once, or fails where only the worker can see it. There is no version of it, and the
// model's trainings need not wait.
func (s *stage) nothingComesOf(m *portable.Model) {
	s.Helper()
	if _, err := s.Import(s.Context(), "other", m); !errors.Is(err, retrain.ModelConfigError) {
		s.Errorf("other features: got %v", err)
	}
	if _, err := s.Import(s.Context(), "nobody", m); !errors.Is(err, retrain.ModelNotFoundError) {
		s.Errorf("no such model: got %v", err)
	}
	var file bytes.Buffer
	if err := m.Write(&file); err != nil {
		s.Fatal(err)
	}
	damaged, err := portable.Read(file.Bytes())
	if err != nil {
		s.Fatal(err)
	}
	damaged.Weights = damaged.Weights[:1]
	r := s.verdict(s.Import(s.Context(), "copy", damaged))
	if r.State != retrain.Failed || r.Error.Code != retrain.ModelConfigError || r.Version != 0 {
		s.Errorf("without its bias: got %+v", r)
	}
	if _, err := s.Manifest(s.Context(), "copy", 2); !errors.Is(err, retrain.NotFoundError) {
		s.Errorf("the version of a failed import: got %v", err)
	}
	if state, err := s.State(s.Context(), "copy"); err != nil || state.Failures != 0 {
		s.Errorf("after a failed import: got %+v, %v", state, err)
	}
	s.served("copy", 1)
}
