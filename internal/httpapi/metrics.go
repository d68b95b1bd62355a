package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/meter"
	"retrain/tasks"
)

// Metrics are the numbers of one process, and the handler that tells Prometheus.
type Metrics struct {
	http.Handler
	*prometheus.Registry

	predictions *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	rows        prometheus.Histogram
	atWork      prometheus.Gauge
	inserted    *prometheus.CounterVec
	asked       *prometheus.CounterVec
	answered    *prometheus.HistogramVec
	training    *meter.Training
	tasks       *meter.Tasks
}

// NewMetrics returns the metrics of a program's version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "retrain_predictions_total", Help: "Requests for predictions, by the version that answered and the HTTP status.",
		}, []string{"model", "version", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "retrain_prediction_duration_seconds", Help: "How long requests for predictions took.",
			Buckets:                        prometheus.ExponentialBuckets(0.0001, 2.5, 12), // 0.1 ms to 2.4 s
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, []string{"model"}),
		rows: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "retrain_prediction_batch_rows", Help: "Records in a request for predictions.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
	}
	m.atWork = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "retrain_predictions_in_flight", Help: "Requests for predictions that are being answered.",
	})
	m.inserted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "retrain_inserts_total", Help: "Records inserted, by resource.",
	}, []string{"resource"})
	m.asked = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "retrain_http_requests_total", Help: "Requests to the producer's server, by the operation of its description and the HTTP status. Who has no key is not counted.",
	}, []string{"operation", "code"})
	m.answered = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "retrain_http_request_duration_seconds", Help: "How long requests to the producer's server took. Streams of events, which last for as long as somebody listens, are left out.",
		Buckets:                        prometheus.ExponentialBuckets(0.001, 3, 10), // 1 ms to 20 s
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 100,
	}, []string{"operation"})
	m.training, m.tasks = meter.NewTraining(), meter.NewTasks()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "retrain_build_info", Help: "Which build this is; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.MustRegister(m.predictions, m.duration, m.rows, m.atWork, m.inserted, m.asked, m.answered, m.training, m.tasks, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Handler = promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
	return m
}

// Inserted counts records.
func (m *Metrics) Inserted(resource string, records int) {
	m.inserted.WithLabelValues(resource).Add(float64(records))
}

// Operation returns what answers an operation, counted. An event stream's time is not taken.
func (m *Metrics) Operation(o *Operation, do http.HandlerFunc) http.HandlerFunc {
	of := prometheus.Labels{"operation": o.Name}
	do = promhttp.InstrumentHandlerCounter(m.asked.MustCurryWith(of), do)
	if o.As == eventStream {
		return do
	}
	return promhttp.InstrumentHandlerDuration(m.answered.MustCurryWith(of), do)
}

// predicted counts a request.
func (m *Metrics) predicted(model string, version, rows, status int, took time.Duration) {
	m.predictions.WithLabelValues(model, strconv.Itoa(version), strconv.Itoa(status)).Inc()
	if status == http.StatusOK {
		m.duration.WithLabelValues(model).Observe(took.Seconds())
		m.rows.Observe(float64(rows))
	}
}

// A Serving knows which versions answer; *retrain.Live is one.
type Serving interface {
	Answering() []retrain.Answering
	Refused() []retrain.Refusal
	Ready() bool
}

// A drifting Serving knows how far questions have drifted; *retrain.Live does.
type drifting interface {
	Drift(model string) (retrain.Drift, bool)
}

// Serves adds which version of each model answers.
func (m *Metrics) Serves(live Serving) { m.MustRegister(served{live}) }

var (
	modelInfo    = prometheus.NewDesc("retrain_model_info", "The version that answers for a model, and what its files' digests come to; always 1.", []string{"model", "version", "digest"}, nil)
	modelLoaded  = prometheus.NewDesc("retrain_model_loaded_timestamp_seconds", "When the version that answers began to.", []string{"model"}, nil)
	modelRefused = prometheus.NewDesc("retrain_model_refused_info", "A version that this worker does not let answer; always 1. Its status says why.", []string{"model", "version"}, nil)
	modelDrift   = prometheus.NewDesc("retrain_feature_drift_psi", "How far a feature of the questions lies from what the version learnt: its population stability index. 0.1 is little, 0.25 is much.", []string{"model", "feature"}, nil)
	modelReady   = prometheus.NewDesc("retrain_predictor_ready", "Whether every champion is loaded.", nil, nil)
)

// served asks at each scrape.
type served struct{ Serving }

// Describe implements prometheus.Collector.
func (served) Describe(d chan<- *prometheus.Desc) {
	d <- modelInfo
	d <- modelLoaded
	d <- modelRefused
	d <- modelDrift
	d <- modelReady
}

// Collect implements prometheus.Collector.
func (s served) Collect(c chan<- prometheus.Metric) {
	for _, a := range s.Answering() {
		model := a.Model
		c <- prometheus.MustNewConstMetric(modelInfo, prometheus.GaugeValue, 1, model, strconv.Itoa(a.Manifest.Version), digest(a.Manifest))
		c <- prometheus.MustNewConstMetric(modelLoaded, prometheus.GaugeValue, float64(a.Since.UnixMilli())/1000, model)
		if live, ok := s.Serving.(drifting); ok {
			if d, ok := live.Drift(model); ok {
				for feature, psi := range d.PSI {
					c <- prometheus.MustNewConstMetric(modelDrift, prometheus.GaugeValue, psi, model, feature)
				}
			}
		}
	}
	for _, r := range s.Refused() {
		c <- prometheus.MustNewConstMetric(modelRefused, prometheus.GaugeValue, 1, r.Model, strconv.Itoa(r.Version))
	}
	ready := 0.0
	if s.Ready() {
		ready = 1
	}
	c <- prometheus.MustNewConstMetric(modelReady, prometheus.GaugeValue, ready)
}

// digest returns some letters that differ between versions whose files do.
func digest(m *retrain.Manifest) string {
	sum := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(m.Files)) {
		fmt.Fprintln(sum, path, m.Files[path].SHA256)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// Training counts the runs of this process.
func (m *Metrics) Training() *meter.Training { return m.training }

// Tasks counts what handlers do.
func (m *Metrics) Tasks() *meter.Tasks { return m.tasks }

// Asked returns what answers questions from the queue, counted as those over HTTP are.
func (m *Metrics) Asked(ask tasks.Predict) tasks.Predict {
	return func(ctx context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error) {
		m.atWork.Inc()
		defer m.atWork.Dec()
		began := time.Now()
		predictions, version, err := ask(ctx, model, which, records)
		named := model
		if version == 0 { // names that nobody answers to are no labels
			named = ""
		}
		m.predicted(named, version, len(records), status(err), time.Since(began))
		return predictions, version, err
	}
}

// MetricsOf returns the metrics of a process, with what it asks of Redis and S3, and the runs that are cancelled through it.
func MetricsOf(a *app.App) *Metrics {
	m := NewMetrics(app.Version)
	m.MustRegister(a.IO)
	a.Endings.Ended = m.training.Ended
	return m
}
