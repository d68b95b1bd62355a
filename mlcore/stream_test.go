package mlcore_test

import (
	"testing"

	"retrain"
	"retrain/mlcore"
)

// little makes an engine in whose memory a few rows have room. All others are in files.
func little() *mlcore.Engine { return &mlcore.Engine{Memory: 1} }

// Data that are larger than memory give the same bytes each time, resumed from wherever the fit was interrupted: within a load,
// between two, between two epochs.
func TestStreamedDataResumeToTheSameBytes(t *testing.T) {
	for name, m := range kinds() {
		t.Run(name, func(t *testing.T) {
			job := retrain.Job{Model: m, Data: tables(products(150))}
			job.Model.ModelConfig.Epochs, job.Model.ModelConfig.BatchSize = 3, 8
			job.Model.ModelConfig.EarlyStopping = &retrain.EarlyStopping{Patience: 2, RestoreBestWeights: true}
			e := little()
			defer e.Close()
			mlcore.Slice(e, 3)
			whole := train(t, e, job)
			if d, err := mlcore.ReadDetails(&whole.Fit); err != nil || d.LoadRows != 32 {
				t.Errorf("got %+v, %v; want loads of 32 rows", d, err)
			}
			for _, stop := range []int{1, 2, 3, 9} {
				if got := interrupted(t, func() *mlcore.Engine { return e }, job, stop); got.sum != whole.sum {
					t.Errorf("interrupted after %d slices: got %s, want %s", stop, got.sum, whole.sum)
				}
			}
			other := little()
			defer other.Close()
			if got := interrupted(t, func() *mlcore.Engine { return other }, job, 2, 3); got.sum != whole.sum {
				t.Errorf("by another engine: got %s, want %s", got.sum, whole.sum)
			}
		})
	}
}
