package meter

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"retrain"
)

// Training counts runs: how far those at work are, and the verdicts.
type Training struct {
	prometheus.Collector

	runs       *prometheus.CounterVec
	took       *prometheus.HistogramVec
	promotions *prometheus.CounterVec
	epoch      *prometheus.GaugeVec
	progress   *prometheus.GaugeVec
	loss       *prometheus.GaugeVec
}

// NewTraining returns counts of nothing.
func NewTraining() *Training {
	t := &Training{
		runs:       counters("retrain_training_runs_total", "Runs that this process ended, by the model's type and the verdict.", "model", "type", "outcome"),
		took:       durations("retrain_training_duration_seconds", "How long runs took from their start to their verdict, whoever worked on them.", 0.25, 4, 9, "model"),
		promotions: counters("retrain_promotions_total", "Versions that came to the gate: promoted, or rejected.", "model", "verdict"),
		epoch:      gauges("retrain_training_epoch", "The epoch that the run at work is in; there only while one is.", "model"),
		progress:   gauges("retrain_training_progress_ratio", "How much of the run at work is done, 0 to 1; there only while one is.", "model"),
		loss:       gauges("retrain_training_loss", "The loss after the last epoch of the run at work, of the rows that are learnt (train) or held out (validation).", "model", "set"),
	}
	t.Collector = group{t.runs, t.took, t.promotions, t.epoch, t.progress, t.loss}
	return t
}

// Ended counts a verdict.
func (t *Training) Ended(run *retrain.Run) {
	r, model, kind := run.Result, run.ID.Model, ""
	if run.Start != nil {
		kind = string(run.Start.Model.Type)
		t.took.WithLabelValues(model).Observe(r.DurationSeconds)
	}
	t.runs.WithLabelValues(model, kind, string(r.State)).Inc()
	switch r.State {
	case retrain.Published:
		t.promotions.WithLabelValues(model, "promoted").Inc()
	case retrain.Rejected:
		t.promotions.WithLabelValues(model, "rejected").Inc()
	}
}

// During returns do with its run's progress shown for as long as it works.
func (t *Training) During(do func(ctx context.Context, id retrain.RunID) error) func(ctx context.Context, id retrain.RunID) error {
	return func(ctx context.Context, id retrain.RunID) error {
		defer t.forget(id.Model)
		return do(ctx, id)
	}
}

func (t *Training) forget(model string) {
	for _, g := range []*prometheus.GaugeVec{t.epoch, t.progress, t.loss} {
		g.DeletePartialMatch(prometheus.Labels{"model": model})
	}
}

// Ledger returns a ledger whose progress is shown.
func (t *Training) Ledger(l retrain.RunLedger) retrain.RunLedger { return shown{l, t} }

type shown struct {
	retrain.RunLedger
	on *Training
}

// SetProgress implements retrain.RunLedger.
func (s shown) SetProgress(ctx context.Context, model string, p retrain.Progress) error {
	if p.State == retrain.Running {
		s.on.epoch.WithLabelValues(model).Set(float64(p.CurrentEpoch))
		s.on.progress.WithLabelValues(model).Set(p.ProgressPercentage / 100)
		for set, metrics := range map[string]map[string]float64{"train": p.TrainMetrics, "validation": p.EvalMetrics} {
			if loss, ok := metrics["loss"]; ok {
				s.on.loss.WithLabelValues(model, set).Set(loss)
			}
		}
	}
	return s.RunLedger.SetProgress(ctx, model, p)
}
