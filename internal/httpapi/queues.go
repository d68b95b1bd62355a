package httpapi

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"retrain/tasks"
)

// Queues are asynq's numbers, under the names of asynq's own exporter, which has not followed asynq to its present version.
// At each scrape they are read from Redis; asynq_up says whether that went well.
type Queues struct{ From *asynq.Inspector }

var (
	perState   = []string{"queue", "state"}
	perQueue   = []string{"queue"}
	queueTasks = prometheus.NewDesc("asynq_tasks_enqueued_total", "Tasks in the queue, by state.", perState, nil)
	queueSize  = prometheus.NewDesc("asynq_queue_size", "Tasks in the queue.", perQueue, nil)
	queueWait  = prometheus.NewDesc("asynq_queue_latency_seconds", "How long the oldest pending task has waited.", perQueue, nil)
	queueBytes = prometheus.NewDesc("asynq_queue_memory_usage_approx_bytes", "Memory of the queue in Redis, estimated.", perQueue, nil)
	queueDone  = prometheus.NewDesc("asynq_tasks_processed_total", "Tasks processed, failed ones included.", perQueue, nil)
	queueBad   = prometheus.NewDesc("asynq_tasks_failed_total", "Tasks whose handler failed.", perQueue, nil)
	queueStops = prometheus.NewDesc("asynq_queue_paused_total", "Whether the queue is paused.", perQueue, nil)
	queueUp    = prometheus.NewDesc("asynq_up", "Whether the queues could be read.", nil, nil)
)

// Describe implements prometheus.Collector.
func (Queues) Describe(d chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{queueTasks, queueSize, queueWait, queueBytes, queueDone, queueBad, queueStops, queueUp} {
		d <- desc
	}
}

// Collect implements prometheus.Collector.
func (q Queues) Collect(c chan<- prometheus.Metric) {
	up := 1.0
	names, err := q.From.Queues()
	if err != nil {
		up = 0
	}
	for _, name := range names {
		info, err := q.From.GetQueueInfo(name)
		if err != nil {
			up = 0
			continue
		}
		collect(c, info)
	}
	c <- prometheus.MustNewConstMetric(queueUp, prometheus.GaugeValue, up)
}

func collect(c chan<- prometheus.Metric, q *asynq.QueueInfo) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, kind, v, append([]string{q.Queue}, labels...)...)
	}
	for state, n := range map[string]int{"active": q.Active, "pending": q.Pending, "scheduled": q.Scheduled, "retry": q.Retry,
		"archived": q.Archived, "completed": q.Completed, "aggregating": q.Aggregating} {
		send(queueTasks, prometheus.GaugeValue, float64(n), state)
	}
	send(queueSize, prometheus.GaugeValue, float64(q.Size))
	send(queueWait, prometheus.GaugeValue, q.Latency.Seconds())
	send(queueBytes, prometheus.GaugeValue, float64(q.MemoryUsage))
	send(queueDone, prometheus.CounterValue, float64(q.ProcessedTotal))
	send(queueBad, prometheus.CounterValue, float64(q.FailedTotal))
	paused := 0.0
	if q.Paused {
		paused = 1
	}
	send(queueStops, prometheus.GaugeValue, paused)
}

// Lost are the tasks that nobody will serve by themselves, by queue and why: "given up" are those whose retries are spent or that
// cannot be read, "orphaned" those that are active at no worker. No run is lost by them.
type Lost struct {
	Depths func(ctx context.Context) ([]tasks.QueueDepth, error)
}

var lostTasks = prometheus.NewDesc("retrain_tasks_lost", "Tasks that nobody will serve, by queue and why.", []string{"queue", "why"}, nil)

// How long a scrape waits for Redis.
const lostPatience = 3 * time.Second

// Describe implements prometheus.Collector.
func (Lost) Describe(d chan<- *prometheus.Desc) { d <- lostTasks }

// Collect implements prometheus.Collector. While Redis does not answer there is nothing to say; asynq_up tells.
func (l Lost) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lostPatience)
	defer cancel()
	depths, err := l.Depths(ctx)
	if err != nil {
		return
	}
	for _, d := range depths {
		for why, n := range map[string]int{"given up": d.Archived, "orphaned": d.Orphans} {
			c <- prometheus.MustNewConstMetric(lostTasks, prometheus.GaugeValue, float64(n), d.Queue, why)
		}
	}
}
