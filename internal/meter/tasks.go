package meter

import (
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"retrain/tasks"
)

// Tasks counts asynq's tasks as a worker ends them.
type Tasks struct {
	prometheus.Collector

	ended *prometheus.CounterVec
	took  *prometheus.HistogramVec
}

// NewTasks returns counts of nothing.
func NewTasks() *Tasks {
	t := &Tasks{
		ended: counters("retrain_tasks_total", "Tasks that a handler of this process ended: ok, failed (tried again, or given up), handed_back (the worker shut down), "+
			"poisoned (nobody can understand it: archived). The type of a task that is none of ours is unknown.", "type", "outcome"),
		took: durations("retrain_task_duration_seconds", "How long a handler had a task.", 0.001, 6, 9, "type"),
	}
	t.Collector = group{t.ended, t.took}
	return t
}

// Ended counts a task of a type.
func (t *Tasks) Ended(kind string, took time.Duration, err error) {
	outcome := "failed"
	switch {
	case err == nil:
		outcome = "ok"
	case errors.Is(err, tasks.ErrUndecodable), errors.Is(err, asynq.ErrHandlerNotFound):
		outcome = "poisoned"
	case !tasks.IsFailure(err):
		outcome = "handed_back"
	}
	t.ended.WithLabelValues(kind, outcome).Inc()
	t.took.WithLabelValues(kind).Observe(took.Seconds())
}
