package meter

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"retrain"
)

// Sweeps tells what a scheduler finds. It is a retrain.Witness.
type Sweeps struct {
	prometheus.Collector

	orphans *prometheus.CounterVec
	late    *prometheus.CounterVec
	last    *prometheus.GaugeVec
	failed  *prometheus.CounterVec
	states  *states
}

var _ retrain.Witness = (*Sweeps)(nil)

// NewSweeps returns counts of nothing.
func NewSweeps() *Sweeps {
	s := &Sweeps{
		orphans: counters("retrain_training_orphans_total", "Runs that nobody was at, handed to another worker.", "model"),
		late:    counters("retrain_ledger_late_batches_total", "Batches that were stored, but not counted when they came: a sweep counted them.", "model"),
		last:    gauges("retrain_sweep_success_timestamp_seconds", "When a job of the scheduler last went well.", "task"),
		failed:  counters("retrain_sweep_errors_total", "How often a job of the scheduler went wrong.", "task"),
		states:  &states{of: make(map[string]seen)},
	}
	s.Collector = group{s.orphans, s.late, s.last, s.failed, s.states}
	return s
}

// Job returns a job of the scheduler, counted under its name.
func (s *Sweeps) Job(name string, do func(context.Context) error) func(context.Context) error {
	s.failed.WithLabelValues(name)
	return func(ctx context.Context) error {
		err := do(ctx)
		if err == nil {
			s.last.WithLabelValues(name).SetToCurrentTime()
		} else if ctx.Err() == nil {
			s.failed.WithLabelValues(name).Inc()
		}
		return err
	}
}

// HandedOn implements retrain.Witness.
func (s *Sweeps) HandedOn(id retrain.RunID) { s.orphans.WithLabelValues(id.Model).Inc() }

// Uncounted implements retrain.Witness.
func (s *Sweeps) Uncounted(model string, batches int) {
	s.late.WithLabelValues(model).Add(float64(batches))
	s.states.set(model, func(is *seen) { is.lag = batches })
}

// State implements retrain.Witness.
func (s *Sweeps) State(m *retrain.Model, state retrain.State) {
	s.states.set(m.Name, func(is *seen) {
		is.State, is.at = state, time.Now()
		is.Paused = m.Paused != nil
	})
}

// A seen is how a model stood when it was last looked at.
type seen struct {
	retrain.State
	lag int // batches
	at  time.Time
}

// states are what the last sweeps have seen. Models that are no longer swept are forgotten.
type states struct {
	mu sync.Mutex
	of map[string]seen
}

func (s *states) set(model string, change func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.of[model]
	change(&is)
	s.of[model] = is
}

// How long a model is remembered that no sweep comes to: it was disposed of, or Redis is away.
const remembered = 2 * time.Minute

var (
	perModel   = []string{"model"}
	untrained  = prometheus.NewDesc("retrain_untrained_records", "Records that are counted and that no run has taken yet.", perModel, nil)
	ledgerLag  = prometheus.NewDesc("retrain_ledger_lag_batches", "Batches that were stored and not counted, when records and counts were last compared.", perModel, nil)
	failures   = prometheus.NewDesc("retrain_training_failures", "Failed runs in a row.", perModel, nil)
	openRuns   = prometheus.NewDesc("retrain_training_open_runs", "Runs without a verdict, queued or running.", []string{"model", "state"}, nil)
	isPaused   = prometheus.NewDesc("retrain_model_paused", "Whether a person has paused the model's trainings.", perModel, nil)
	lastTaking = prometheus.NewDesc("retrain_training_taken_timestamp_seconds", "When a run last took the model's records, or was cancelled.", perModel, nil)
)

// Describe implements prometheus.Collector.
func (s *states) Describe(d chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{untrained, ledgerLag, failures, openRuns, isPaused, lastTaking} {
		d <- desc
	}
}

// Collect implements prometheus.Collector.
func (s *states) Collect(c chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for model, is := range s.of {
		if time.Since(is.at) > remembered {
			delete(s.of, model)
			continue
		}
		is.collect(c, model)
	}
}

func (is *seen) collect(c chan<- prometheus.Metric, model string) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{model}, labels...)...)
	}
	gauge(untrained, float64(is.Inserted))
	gauge(ledgerLag, float64(is.lag))
	gauge(failures, float64(is.Failures))
	gauge(openRuns, number(is.Queued != 0), "queued")
	gauge(openRuns, number(is.Running != 0), "running")
	gauge(isPaused, number(is.Paused))
	if !is.Since.IsZero() {
		gauge(lastTaking, float64(is.Since.UnixMilli())/1000)
	}
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
