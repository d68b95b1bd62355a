package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// show prints the results as Markdown.
func show(rows []Row) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.AppendHeader(table.Row{"where", "what", "who", "", "seconds", "records/s", "µs per record", "requests", "MB read", "MiB"})
	var right []table.ColumnConfig
	for n := 5; n <= 10; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, r := range rows {
		s, n := r.Result.Seconds[0], float64(max(1, r.Result.Rows))
		requests, read := "", ""
		if r.Result.Gets > 0 {
			requests, read = fmt.Sprint(r.Result.Gets), fmt.Sprintf("%.2f", float64(r.Result.Bytes)/1e6)
		}
		t.AppendRow(table.Row{r.Where, r.What, r.Who, r.When, fmt.Sprintf("%.3f", s), fmt.Sprintf("%.0f", n/s), fmt.Sprintf("%.1f", s/n*1e6), requests, read,
			fmt.Sprintf("%.0f", r.Result.Memory)})
	}
	t.RenderMarkdown()
}

// machine says what the results were measured on.
func machine() string {
	name := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // elsewhere it does not exist
	for line := range strings.Lines(string(info)) {
		if key, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			name = strings.TrimSpace(v)
			break
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d × %s, load %s", runtime.NumCPU(), name, strings.Join(strings.Fields(string(load))[:min(3, len(strings.Fields(string(load))))], " "))
}
