package main

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The rules that promtool check metrics goes by.
func TestMetricsAreNamedAsPrometheusWantsIt(t *testing.T) {
	problems, err := testutil.GatherAndLint(exercised())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
