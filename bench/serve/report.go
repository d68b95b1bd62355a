package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// A Result is what was measured of one server, a value for each round.
type Result struct {
	Name          string       `json:"name"`
	PerSecond     []float64    `json:"perSecond"`     // single predictions, 32 connections
	AtRate        [2][]Latency `json:"atRate"`        // at each of rates
	Many          []Latency    `json:"many"`          // of requests of 100 rows, one connection
	ManyPerSecond []float64    `json:"manyPerSecond"` // such requests, 8 connections
	Processor     []float64    `json:"processor"`     // µs of the processors for a single prediction
	ManyProcessor []float64    `json:"manyProcessor"` // the same for a request of 100 rows
	FirstAnswer   float64      `json:"firstAnswer"`   // s after the start
	Memory        float64      `json:"memory"`        // MiB at the end

	last Latency
}

// machine names what everybody ran on.
func machine() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	name := "an unknown processor"
	for line := range strings.Lines(string(b)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d cores, %s", runtime.NumCPU(), name)
}

// show prints the table. Ratios are those of the first server to each, of the median of rounds.
func show(results []Result, on string) {
	fmt.Printf("On %s; medians of %d rounds.\n\n", on, len(results[0].PerSecond))
	fmt.Printf("| server | single, 32 connections: /s | ratio | CPU, µs | %d/s: p50, p99 ms | %d/s: p50, p99 ms | %d rows: p50, p99 ms | 8 connections: rows/s | ratio | CPU, µs | first answer, s | memory, MiB |\n",
		rates[0], rates[1], manyRows)
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|")
	ours := &results[0]
	for i := range results {
		r := &results[i]
		fmt.Printf("| %s | %.0f | %.2f | %.0f | %s | %s | %s | %.0f | %.2f | %.0f | %.2f | %.0f |\n", r.Name, median(r.PerSecond),
			median(ours.PerSecond)/median(r.PerSecond), median(r.Processor), middle(r.AtRate[0]), middle(r.AtRate[1]), middle(r.Many), manyRows*median(r.ManyPerSecond),
			median(ours.ManyPerSecond)/median(r.ManyPerSecond), median(r.ManyProcessor), r.FirstAnswer, r.Memory)
	}
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return s[len(s)/2]
}

func middle(l []Latency) string {
	s := slices.SortedFunc(slices.Values(l), func(a, b Latency) int { return cmp.Compare(a.P50, b.P50) })
	m := s[len(s)/2]
	return fmt.Sprintf("%.2f, %.2f", m.P50, m.P99)
}
