package httpapi

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"retrain"
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
	runs        *prometheus.CounterVec
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
	m.runs = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "retrain_training_runs_total", Help: "Runs that this worker ended, by their verdict.",
	}, []string{"model", "outcome"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "retrain_build_info", Help: "Which build this is; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.MustRegister(m.predictions, m.duration, m.rows, m.atWork, m.inserted, m.runs, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Handler = promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
	return m
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
	Serving() []string
	Version(model string) int
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
	modelInfo    = prometheus.NewDesc("retrain_model_info", "The version that answers for a model; always 1.", []string{"model", "version"}, nil)
	modelRefused = prometheus.NewDesc("retrain_model_refused_info", "A version that this worker does not let answer; always 1. Its status says why.", []string{"model", "version"}, nil)
	modelDrift   = prometheus.NewDesc("retrain_feature_drift_psi", "How far a feature of the questions lies from what the version learnt: its population stability index. 0.1 is little, 0.25 is much.", []string{"model", "feature"}, nil)
	modelReady   = prometheus.NewDesc("retrain_predictor_ready", "Whether every champion is loaded.", nil, nil)
)

// served asks at each scrape.
type served struct{ Serving }

// Describe implements prometheus.Collector.
func (served) Describe(d chan<- *prometheus.Desc) {
	d <- modelInfo
	d <- modelRefused
	d <- modelDrift
	d <- modelReady
}

// Collect implements prometheus.Collector.
func (s served) Collect(c chan<- prometheus.Metric) {
	for _, model := range s.Serving.Serving() {
		c <- prometheus.MustNewConstMetric(modelInfo, prometheus.GaugeValue, 1, model, strconv.Itoa(s.Version(model)))
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

// Announced returns an announcer that counts the verdicts that it passes on.
func (m *Metrics) Announced(to retrain.Announcer) retrain.Announcer { return announced{to, m} }

type announced struct {
	retrain.Announcer
	metrics *Metrics
}

// Announce implements retrain.Announcer.
func (a announced) Announce(ctx context.Context, e retrain.Event) error {
	if e.Type == retrain.RunEnded {
		a.metrics.runs.WithLabelValues(e.Model, string(e.State)).Inc()
	}
	return a.Announcer.Announce(ctx, e)
}
