// Package meter counts what the roles do, for Prometheus: each type here is a collector that is registered by who has the role, and
// a part that is put where it happens. Labels are names of models, which people declare, and words from short lists; ids of runs, tasks
// and batches are in the log and in traces.
//
//	io.go        what is asked of S3 and of Redis
//	training.go  runs at work and their verdicts
//	sweeps.go    what the scheduler finds: counts, lags, orphans
//	tasks.go     asynq's tasks as their handlers see them
//	stream.go    how late events come
package meter

import "github.com/prometheus/client_golang/prometheus"

// A group is several collectors as one.
type group []prometheus.Collector

// Describe implements prometheus.Collector.
func (g group) Describe(d chan<- *prometheus.Desc) {
	for _, c := range g {
		c.Describe(d)
	}
}

// Collect implements prometheus.Collector.
func (g group) Collect(m chan<- prometheus.Metric) {
	for _, c := range g {
		c.Collect(m)
	}
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// durations returns a histogram of seconds whose buckets begin at first and grow by a factor. Prometheus servers that know native
// histograms get one beside them.
func durations(name, help string, first, factor float64, buckets int, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(first, factor, buckets),
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
	}, labels)
}
