package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/internal/meter"
	"retrain/tasks"
)

// exercised returns a registry in which everything that the programs export has a value.
func exercised() *prometheus.Registry {
	m := httpapi.NewMetrics("1.2.3")
	served(m)
	trained(m.Training())
	m.Tasks().Ended("train", time.Second, nil)
	swept := meter.NewSweeps()
	swept.State(&retrain.Model{Name: "price"}, retrain.State{Since: time.Now()})
	swept.Uncounted("price", 1)
	swept.HandedOn(retrain.RunID{Model: "price", Number: 1})
	_ = swept.Job("sweep", func(context.Context) error { return nil })(context.Background())
	io, heard := meter.NewIO(), meter.NewStream()
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	_ = io.Redis(away)
	_ = away.Close()
	asked(io)
	for range heard.Follower(silent{}).Events(context.Background()) { //nolint:revive // nothing is to be done
	}
	lost := httpapi.Lost{Depths: func(context.Context) ([]tasks.QueueDepth, error) {
		return []tasks.QueueDepth{{Queue: "train-default"}}, nil
	}}
	m.MustRegister(swept, io, heard, lost)
	return m.Registry
}

// asked has a request to S3 counted.
func asked(io *meter.IO) {
	stack := middleware.NewStack("GetObject", smithyhttp.NewStackRequest)
	_ = io.S3(stack)
	answer := func(context.Context, any) (any, middleware.Metadata, error) {
		return &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK}}, middleware.Metadata{}, nil
	}
	stack.Deserialize.HandleMiddleware(context.Background(), nil, middleware.HandlerFunc(answer)) //nolint:errcheck // it is counted
}

// served has answers counted.
func served(m *httpapi.Metrics) {
	m.Inserted("products", 1)
	m.Operation(&httpapi.Operation{Name: "listModels"}, func(http.ResponseWriter, *http.Request) {})(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/models", nil))
	m.Serves(stall{})
	ask := m.Asked(func(context.Context, string, retrain.Which, []retrain.Record) ([]retrain.Prediction, int, error) {
		return nil, 1, nil
	})
	ask(context.Background(), "price", retrain.Which{}, nil) //nolint:errcheck // it is counted
}

// trained has a run counted.
func trained(t *meter.Training) {
	run := &retrain.Run{ID: retrain.RunID{Model: "price", Number: 1}, Start: &retrain.Start{}, Result: &retrain.Result{State: retrain.Published}}
	t.Ended(run)
	p := retrain.Progress{State: retrain.Running, TrainMetrics: map[string]float64{"loss": 1}}
	_ = t.Ledger(blank{}).SetProgress(context.Background(), "price", p)
}

// blank is a ledger that forgets.
type blank struct{ retrain.RunLedger }

// SetProgress implements retrain.RunLedger.
func (blank) SetProgress(context.Context, string, retrain.Progress) error { return nil }

// silent is a stream without events.
type silent struct{}

// Events implements retrain.Follower.
func (silent) Events(context.Context) iter.Seq2[retrain.Event, error] {
	return func(func(retrain.Event, error) bool) {}
}

// stall serves one version, refuses one, and knows its drift.
type stall struct{}

// Answering implements httpapi.Serving.
func (stall) Answering() []retrain.Answering {
	return []retrain.Answering{{Model: "price", Manifest: &retrain.Manifest{Model: "price", Version: 1}}}
}

// Refused implements httpapi.Serving.
func (stall) Refused() []retrain.Refusal { return []retrain.Refusal{{Model: "price", Version: 2}} }

// Ready implements httpapi.Serving.
func (stall) Ready() bool { return true }

// Drift is what httpapi asks those for who know it.
func (stall) Drift(string) (retrain.Drift, bool) {
	return retrain.Drift{PSI: map[string]float64{"cost": 0.1}}, true
}

const metricsHead = `# Metrics

Every process answers Prometheus at ` + "`/metrics`" + `: the producer's server, training workers and the scheduler at ` + "`--listen`" + ` (training workers only where that is given), prediction workers
beside the predictions, and standalone, which has all roles, at both its addresses. The path needs no API key. Who has a role exports its
metrics; a scrape of all of them gives all of these. Labels are names of models, resources and features, which people declare, and words from short
lists: no label grows with the number of runs or requests, but versions, of which a process keeps those that it has answered for.

` + "`histogram`" + ` means classic buckets and, for servers that ask for them, native ones.

| metric | type | labels | what it says |
| --- | --- | --- | --- |
`

const metricsFoot = `
Beside them there are ` + "`go_*`" + ` and ` + "`process_*`" + ` of the Go client, and on producers asynq's queues under the names of asynq's own exporter, of which some end in
` + "`_total`" + ` and are gauges all the same:

| metric | labels |
| --- | --- |
`

// metrics returns the reference of what the programs export.
func metrics() ([]byte, error) {
	families, err := exercised().Gather()
	if err != nil {
		return nil, err
	}
	page := bytes.NewBufferString(metricsHead)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "retrain_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	page.WriteString(metricsFoot)
	return append(page.Bytes(), queues()...), nil
}

// queues returns the lines of asynq's metrics.
func queues() []byte {
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: "127.0.0.1:1"})
	defer func() { _ = inspector.Close() }()
	descriptions := make(chan *prometheus.Desc, 100)
	httpapi.Queues{From: inspector}.Describe(descriptions)
	close(descriptions)
	var lines []string
	for d := range descriptions {
		_, name, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ = strings.Cut(name, `"`)
		_, labels, _ := strings.Cut(d.String(), "variableLabels: {")
		labels, _, _ = strings.Cut(labels, "}")
		lines = append(lines, fmt.Sprintf("| `%s` | %s |\n", name, strings.ReplaceAll(labels, ",", ", ")))
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, ""))
}
