package mlcore_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/mlcore"
)

// Fits that run at once, of one program and of several, give what they give alone.
func TestFitsAtOnce(t *testing.T) {
	e := &mlcore.Engine{}
	defer e.Close()
	small, other := price(), price()
	small.ModelConfig.Epochs, other.ModelConfig.Epochs, other.ModelConfig.Units, other.ModelConfig.Polynomial = 5, 5, 8, 2
	jobs := []retrain.Job{{Model: small, Data: tables(products(60))}, {Model: other, Data: tables(products(60))}, {Model: small, Data: tables(products(61))}}
	want := make([]string, len(jobs))
	for i, job := range jobs {
		want[i] = train(t, e, job).sum
	}
	got := make([]string, 4*len(jobs))
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			if v, err := tryTrain(t, e, jobs[i%len(jobs)]); err != nil {
				t.Error(err)
			} else {
				got[i] = v.sum
			}
		})
	}
	all.Wait()
	for i := range got {
		if got[i] != want[i%len(jobs)] {
			t.Errorf("job %d: got %s, want %s", i%len(jobs), got[i], want[i%len(jobs)])
		}
	}
}

func TestManyAskOneVersion(t *testing.T) {
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: price(), Data: tables(products(60))})
	s, err := mlcore.Load(v.Version)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	records := products(50)
	want, err := s.Predict(t.Context(), records)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				part := records[i : i+10+i]
				got, err := s.Predict(t.Context(), part)
				if err != nil {
					t.Error(err)
				}
				for j, p := range got {
					if !near(p.Prediction.(float64), want[i+j].Prediction.(float64)) {
						t.Errorf("record %d: got %v, want %v", i+j, p.Prediction, want[i+j].Prediction)
					}
				}
			}
		})
	}
	all.Wait()
}

// near: a record may be rounded otherwise in a batch of another size.
func near(a, b float64) bool { return a-b < 1e-4 && b-a < 1e-4 }

func TestTrainingDataAreWhatWasLearnt(t *testing.T) {
	m := price()
	m.ModelConfig.Epochs, m.SaveTrainingData, m.Filter = 1, new(bool), "cost > 50"
	*m.SaveTrainingData = true
	v := train(t, &mlcore.Engine{}, retrain.Job{Model: m, Data: tables(products(60))})
	f, err := os.Open(v.Dir + "/training-data.jsonl.zst")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var got, want []string
	for lines := bufio.NewScanner(z); lines.Scan(); {
		var r retrain.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, r.ID())
	}
	for _, r := range products(60) {
		if r["cost"].(float64) > 50 {
			want = append(want, r.ID())
		}
	}
	if !slices.Equal(got, want) || v.Samples != len(want) {
		t.Errorf("got %v, want %v; %d samples", got, want, v.Samples)
	}
}

func TestProgressGoesToTheEnd(t *testing.T) {
	m := price()
	m.ModelConfig.Epochs = 4
	last, calls := retrain.Progress{}, 0
	e := &mlcore.Engine{}
	defer e.Close()
	mlcore.Slice(e, 1)
	train(t, e, retrain.Job{Model: m, Data: tables(products(60)), Progress: func(p retrain.Progress) {
		if p.ProgressPercentage < last.ProgressPercentage || p.CurrentEpoch < last.CurrentEpoch {
			t.Errorf("went back from %+v to %+v", last, p)
		}
		last, calls = p, calls+1
	}})
	if last.ProgressPercentage != 100 || last.CurrentEpoch != 4 || last.TotalEpochs != 4 || last.Samples != 60 || calls != 4*(3+1) {
		t.Errorf("got %+v after %d calls", last, calls)
	}
}
