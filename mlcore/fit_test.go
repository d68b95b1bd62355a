package mlcore_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"retrain"
	"retrain/mlcore"
)

// products returns records of a price that depends on cost, demand and category.
func products(n int) []retrain.Record {
	r := rand.New(rand.NewPCG(7, 7))
	records := make([]retrain.Record, n)
	for i := range records {
		cost, demand, premium := 10+90*r.Float64(), float64(r.IntN(10)), r.IntN(2) == 1
		price, category := 1.5*cost+4*demand+20, "basic"
		if premium {
			price, category = price+50, "premium"
		}
		records[i] = retrain.Record{"id": fmt.Sprintf("p%d", i), "cost": cost, "demand": demand, "category": category, "price": price + r.NormFloat64(),
			"expensive": price > 130, "size": []string{"S", "M", "L"}[int(min(2, price/90))], "createdAt": fmt.Sprintf("2024-%02d-%02dT00:00:00Z", 1+i/28%12, 1+i%28)}
	}
	return records
}

func tables(records []retrain.Record) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) { yield(retrain.NewTable(records), nil) }
}

func price() retrain.Model {
	return retrain.Model{Name: "price", Type: retrain.Regression, Resource: "products", Features: []string{"cost", "demand", "category"},
		Target: retrain.Names{"price"}, ModelConfig: retrain.ModelConfig{Epochs: 60, BatchSize: 16, LearningRate: 0.05}}
}

// A trained is a version made by a test.
type trained struct {
	retrain.Fit
	retrain.Version
	sum string // of all files, and of the fit
}

func train(t *testing.T, e *mlcore.Engine, job retrain.Job) trained {
	t.Helper()
	v, err := tryTrain(t, e, job)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func tryTrain(t *testing.T, e *mlcore.Engine, job retrain.Job) (trained, error) {
	t.Helper()
	if job.Dir == "" {
		job.Dir = t.TempDir()
	}
	fit, err := e.Fit(t.Context(), job)
	if err != nil {
		return trained{}, err
	}
	return trained{fit, retrain.Version{Dir: job.Dir, Manifest: &retrain.Manifest{Model: job.Model.Name, Version: 1, Spec: job.Model, Fit: fit}}, digest(t, job.Dir, fit)}, nil
}

func digest(t *testing.T, dir string, fit retrain.Fit) string {
	t.Helper()
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(fit); err != nil {
		t.Fatal(err)
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(dir + "/" + path)
		fmt.Fprintln(h, path, len(b))
		h.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestRegressionLearns(t *testing.T) {
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: price(), Data: tables(products(200))})
	if v.Samples != 200 || v.Epochs != 60 || len(v.Losses) != 60 || len(v.ValLosses) != 60 || v.Parameters != 5 {
		t.Errorf("got %d samples, %d epochs, %d and %d losses, %d parameters", v.Samples, v.Epochs, len(v.Losses), len(v.ValLosses), v.Parameters)
	}
	if r2 := v.Metrics["r2"]; r2 < 0.98 {
		t.Errorf("got R² %.4f of a linear truth: %v", r2, v.Metrics)
	}
	if v.Metrics["mae"] >= v.Metrics["baselineMae"] {
		t.Errorf("no better than the mean: %v", v.Metrics)
	}
	s, err := mlcore.Load(v.Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Predict(t.Context(), []retrain.Record{{"cost": 50.0, "demand": 5.0, "category": "premium"}, {"cost": 50.0, "demand": 5.0, "category": "basic"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{165, 115} {
		p := got[i].Prediction.(float64)
		if math.Abs(p-want) > 8 {
			t.Errorf("got %.1f, want about %.1f", p, want)
		}
		if in := got[i].Interval; in == nil || in[0] >= p || in[1] <= p {
			t.Errorf("got the interval %v around %.1f", in, p)
		}
	}
}

func TestTheSameJobGivesTheSameBytes(t *testing.T) {
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			job := retrain.Job{Model: m, Data: tables(products(100))}
			a, b := train(t, &mlcore.Engine{}, job), train(t, &mlcore.Engine{}, job)
			if a.sum != b.sum {
				t.Errorf("got %s and %s", a.sum, b.sum)
			}
			job.Model.Seed = 2
			if c := train(t, &mlcore.Engine{}, job); c.sum == a.sum {
				t.Error("another seed gave the same")
			}
		})
	}
}

// TestAnotherProcessGivesTheSameBytes trains in this process and in a child, on one core.
func TestAnotherProcessGivesTheSameBytes(t *testing.T) {
	sums := make(map[string]string)
	e := &mlcore.Engine{}
	defer e.Close()
	for name, m := range kinds() {
		sums[name] = train(t, e, retrain.Job{Model: m, Data: tables(products(50))}).sum
	}
	b, err := json.Marshal(sums)
	if err != nil {
		t.Fatal(err)
	}
	const variable = "MLCORE_TEST_SUMS" // where the child writes its own
	if file := os.Getenv(variable); file != "" {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	file := filepath.Join(t.TempDir(), "sums")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), variable+"="+file, "GOMAXPROCS=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(b) {
		t.Errorf("got %s, want %s", got, b)
	}
}

// A long job of small steps is compiled by XLA, and resumes like any other.
func TestLongJobsAreCompiled(t *testing.T) {
	job := retrain.Job{Model: price(), Data: tables(products(40))}
	job.Model.ModelConfig.BatchSize, job.Model.ModelConfig.Epochs, job.Model.ModelConfig.LearningRate = 1, 1300, 0.001
	e := &mlcore.Engine{}
	defer e.Close()
	whole := train(t, e, job)
	d, err := mlcore.ReadDetails(&whole.Fit)
	if err != nil {
		t.Fatal(err)
	}
	if d.Execution != "xla" || whole.Metrics["r2"] < 0.99 {
		t.Errorf("got %s, R² %.4f", d.Execution, whole.Metrics["r2"])
	}
	if got := interrupted(t, func() *mlcore.Engine { return e }, job, 700); got.sum != whole.sum {
		t.Errorf("resumed: got %s, want %s", got.sum, whole.sum)
	}
}

func TestEveryTypeResumesToTheSameBytes(t *testing.T) {
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			job := retrain.Job{Model: m, Data: tables(products(100))}
			job.Model.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 2, RestoreBestWeights: true}
			e := &mlcore.Engine{}
			defer e.Close()
			mlcore.Slice(e, 3)
			whole := train(t, e, job)
			for _, stop := range []int{1, 3, 4} { // within an epoch, before its end, after it
				if got := interrupted(t, func() *mlcore.Engine { return e }, job, stop); got.sum != whole.sum {
					t.Errorf("interrupted after %d slices: got %s, want %s", stop, got.sum, whole.sum)
				}
			}
		})
	}
}

func TestMissingFeaturesAreNamed(t *testing.T) {
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: price(), Data: tables(products(40))})
	s, err := mlcore.Load(v.Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Predict(t.Context(), []retrain.Record{{"cost": 1.0, "category": "basic"}})
	if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "Missing features: demand") {
		t.Errorf("got %v", err)
	}
}

func TestTooFewRows(t *testing.T) {
	_, err := tryTrain(t, &mlcore.Engine{}, retrain.Job{Model: price(), Data: tables(products(5))})
	e, ok := errors.AsType[*retrain.Error](err)
	if !ok || e.Code != retrain.InsufficientDataError || e.Needs != 5 || e.Message != "Insufficient training data: 5 samples (minimum: 10)" {
		t.Errorf("got %+v", err)
	}
}

// errStop is what the tests cancel with.
var errStop = errors.New("stop")

// interrupted trains a job that is cancelled after each of the slices in stops, and resumes it each time from its checkpoint.
func interrupted(t *testing.T, e func() *mlcore.Engine, job retrain.Job, stops ...int) trained {
	t.Helper()
	for _, stop := range stops {
		ctx, cancel := context.WithCancelCause(t.Context())
		slices := 0
		job.Dir = t.TempDir()
		job.Progress = func(retrain.Progress) {
			if slices++; slices == stop {
				cancel(errStop)
			}
		}
		job.SaveCheckpoint = func(_ context.Context, state []byte) error {
			job.Checkpoint = state
			return nil
		}
		if _, err := e().Fit(ctx, job); !errors.Is(err, errStop) {
			t.Fatalf("stopped after %d slices: got %v", stop, err)
		}
		cancel(nil)
	}
	job.Dir, job.Progress, job.SaveCheckpoint = "", nil, nil
	return train(t, e(), job)
}

func TestResumedFromAnySliceGivesTheSameBytes(t *testing.T) {
	job := retrain.Job{Model: price(), Data: tables(products(100))}
	job.Model.ModelConfig.Epochs, job.Model.ModelConfig.Polynomial = 8, 2
	job.Model.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 5, RestoreBestWeights: true}
	shared := &mlcore.Engine{}
	defer shared.Close()
	mlcore.Slice(shared, 2)
	whole := train(t, shared, job)
	for stop := 1; stop <= 30; stop++ { // 3 slices and an end in each of 8 epochs
		got := interrupted(t, func() *mlcore.Engine { return shared }, job, stop)
		if got.sum != whole.sum {
			t.Fatalf("interrupted after %d slices: got %s, want %s", stop, got.sum, whole.sum)
		}
	}
	fresh := interrupted(t, func() *mlcore.Engine { return &mlcore.Engine{} }, job, 1, 2, 3)
	if fresh.sum != whole.sum {
		t.Error("resumed three times by other engines, and sliced by time: other bytes")
	}
}
