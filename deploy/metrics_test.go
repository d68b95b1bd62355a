package deploy_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"

	"retrain"
	"retrain/internal/httpapi"
	"retrain/internal/meter"
)

// A metric in PromQL: what stands before a selector, and is one of ours, asynq's or the process'.
var metricName = regexp.MustCompile(`\b((?:retrain|asynq|process|go)_[a-z0-9_]+)(?:\{|\))`)

// The names under which Prometheus keeps the parts of a histogram.
var part = regexp.MustCompile(`_(bucket|sum|count)$`)

func TestAlertsAndDashboardAskForMetricsThatExist(t *testing.T) {
	known := exported(t)
	for _, file := range []string{"helm/files/rules.yaml", "helm/files/dashboard.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asked := metricName.FindAllStringSubmatch(string(text), -1)
		if len(asked) < 5 {
			t.Errorf("%s: %d metrics found", file, len(asked))
		}
		for _, m := range asked {
			if !known[m[1]] && !known[part.ReplaceAllString(m[1], "")] {
				t.Errorf("%s: nobody exports %s; there are %s", file, m[1], strings.Join(slices.Sorted(maps.Keys(known)), " "))
			}
		}
	}
}

// serving is a predictor with nothing loaded.
type serving struct{}

func (serving) Answering() []retrain.Answering { return nil }
func (serving) Refused() []retrain.Refusal     { return nil }
func (serving) Ready() bool                    { return true }

// exported returns the names of what the programs export.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	m := httpapi.NewMetrics("test")
	m.Serves(serving{})
	m.MustRegister(meter.NewIO(), meter.NewSweeps(), meter.NewStream())
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: "127.0.0.1:1"})
	defer inspector.Close()
	descriptions := make(chan *prometheus.Desc, 1000)
	m.Describe(descriptions)
	httpapi.Queues{From: inspector}.Describe(descriptions)
	close(descriptions)
	names := map[string]bool{}
	for d := range descriptions {
		if match := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String()); match != nil {
			names[match[1]] = true
		}
	}
	return names
}

func TestTheHPAsMetricIsExported(t *testing.T) {
	text, err := os.ReadFile("helm/templates/predictor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "metric: {name: ")
	name, _, _ := strings.Cut(after, "}")
	if !exported(t)[name] {
		t.Errorf("nobody exports %q", name)
	}
}
