package mlcore_test

import (
	"testing"

	"retrain"
	"retrain/mlcore"
)

// BenchmarkFit trains small models on a warm engine, files included.
func BenchmarkFit(b *testing.B) {
	for name, rows := range map[string]int{"100 rows x 30 epochs": 100, "200 rows x 50 epochs": 200} {
		b.Run(name, func(b *testing.B) {
			job := retrain.Job{Model: price(), Data: tables(products(rows))}
			job.Model.ModelConfig.BatchSize, job.Model.ModelConfig.Epochs = 32, rows/10*3-10
			if rows == 100 {
				job.Model.ModelConfig.Epochs = 30
			}
			e := &mlcore.Engine{}
			defer e.Close()
			for b.Loop() {
				job.Dir = b.TempDir()
				if _, err := e.Fit(b.Context(), job); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPredict answers one record, and a hundred.
func BenchmarkPredict(b *testing.B) {
	job := retrain.Job{Model: price(), Data: tables(products(200)), Dir: b.TempDir()}
	e := &mlcore.Engine{}
	defer e.Close()
	fit, err := e.Fit(b.Context(), job)
	if err != nil {
		b.Fatal(err)
	}
	s, err := mlcore.Load(retrain.Version{Dir: job.Dir, Manifest: &retrain.Manifest{Fit: fit}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	records := products(100)
	for name, n := range map[string]int{"1 record": 1, "100 records": 100} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Predict(b.Context(), records[:n]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
