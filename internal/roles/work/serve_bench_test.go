package work_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/mlcore"
)

// loaded is one version as a prediction worker has it, without Redis and S3.
type loaded struct {
	retrain.JSONServable
	manifest *retrain.Manifest
}

func (l loaded) Use(context.Context, string, retrain.Which) (httpapi.Version, error) { return l, nil }
func (l loaded) Version() int                                                        { return 1 }
func (l loaded) Manifest() *retrain.Manifest                                         { return l.manifest }
func (l loaded) Done()                                                               {}
func (l loaded) Forecast(context.Context, []retrain.Record, int) ([]retrain.Prediction, error) {
	return nil, nil
}

type models struct{ loaded }

func (models) Version(string) int         { return 1 }
func (models) Loaded(string) []int        { return nil }
func (models) Refused() []retrain.Refusal { return nil }
func (models) Ready() bool                { return true }

// BenchmarkPredict is a request from its bytes to those of the answer, without the network.
func BenchmarkPredict(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	m := retrain.Model{Name: "bench", Type: retrain.NeuralNetwork, Target: retrain.Names{"y"},
		ModelConfig: retrain.ModelConfig{Epochs: 1, Layers: []retrain.Layer{{Units: 64}, {Units: 32}}}}.WithDefaults()
	records := make([]retrain.Record, 200)
	for i := range records {
		records[i] = retrain.Record{"id": fmt.Sprint(i), "y": random.Float64()}
	}
	for j := range 8 {
		name := fmt.Sprintf("f%d", j)
		m.Features = append(m.Features, name)
		for i := range records {
			records[i][name] = float64(int(random.Float64()*1e4)) / 1e4
		}
	}
	engine := new(mlcore.Engine)
	defer engine.Close()
	dir := b.TempDir()
	fit, err := engine.Fit(b.Context(), retrain.Job{Model: m, Dir: dir, Data: oneTable(records)})
	if err != nil {
		b.Fatal(err)
	}
	mf := &retrain.Manifest{Model: "bench", Version: 1, Spec: m, Fit: fit}
	s, err := mlcore.Load(retrain.Version{Dir: dir, Manifest: mf})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fast, _ := s.(retrain.JSONServable)
	l := loaded{fast, mf}
	h := (&httpapi.Predictions{Models: models{l}, Metrics: httpapi.NewMetrics("test"), Log: slog.New(slog.DiscardHandler)}).Handler()
	for _, rows := range []int{1, 100} {
		var body strings.Builder
		body.WriteString(`{"instances":[`)
		for i := range rows {
			if i > 0 {
				body.WriteByte(',')
			}
			for j := range 8 {
				fmt.Fprintf(&body, `%c"f%d":%v`, "{,"[min(j, 1)], j, records[i][fmt.Sprintf("f%d", j)])
			}
			body.WriteByte('}')
		}
		body.WriteString(`]}`)
		b.Run(fmt.Sprintf("%d rows", rows), func(b *testing.B) {
			b.ReportAllocs()
			began := processor(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/models/bench:predict", strings.NewReader(body.String())))
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
			b.ReportMetric(float64((processor(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// processor returns the time that this process has had, which says more than the clock where others are at work too.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func oneTable(records []retrain.Record) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) { yield(retrain.NewTable(records), nil) }
}
