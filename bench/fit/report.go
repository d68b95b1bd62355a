package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"retrain/mlcore"
)

// A Report is a case and what everyone took for it.
type Report struct {
	Case    Case     `json:"case"`
	Results []Result `json:"results"`
}

// perStep returns microseconds, of which whatever a training does besides its steps is a part.
func (p *Report) perStep(r *Result) float64 { return r.Again * 1e6 / p.steps(r) }

func (p *Report) steps(r *Result) float64 { return float64(r.Epochs * p.Case.steps()) }

// of returns somebody's time per step, 0 where it was not measured.
func (p *Report) of(who string) float64 {
	for i := range p.Results {
		if p.Results[i].who == who {
			return p.perStep(&p.Results[i])
		}
	}
	return 0
}

// show prints the table. "÷ JAX" is the time per step in JAX's, "Keras ÷" is Keras's in this one.
func (p *Report) show() {
	t := table.NewWriter()
	header := table.Row{"", "epochs", "first, s", "again, s", "µs per step", "÷ JAX", "Keras ÷", "CPU µs per step", "loss", "memory, MiB"}
	var right []table.ColumnConfig
	for i := range header[1:] {
		right = append(right, table.ColumnConfig{Number: i + 2, Align: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	t.AppendHeader(header)
	for i := range p.Results {
		r := &p.Results[i]
		us := p.perStep(r)
		t.AppendRow(table.Row{r.Name, r.Epochs, fmt.Sprintf("%.3f", r.First), fmt.Sprintf("%.3f", r.Again), fmt.Sprintf("%.1f", us),
			ratio(us, p.of(jax), 2), ratio(p.of(keras), us, 1), fmt.Sprintf("%.1f", r.CPU*1e6/p.steps(r)), fmt.Sprintf("%.2e", r.Loss), fmt.Sprintf("%.0f", r.Memory)})
	}
	fmt.Printf("### %s: %s\n\n%s\n\n", p.Case.Name, &p.Case, t.RenderMarkdown())
}

// ratio returns a ÷ b, nothing where one of them is not known.
func ratio(a, b float64, digits int) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f", digits, a/b)
}

// machine describes what this runs on, and how busy it is.
func machine() string {
	var kib float64
	fmt.Sscan(line("/proc/meminfo", "MemTotal:"), &kib) //nolint:errcheck // 0 says that it is not known
	load, _, _ := strings.Cut(line("/proc/loadavg", ""), " ")
	return fmt.Sprintf("%s, %d CPUs, %.0f GiB, %s/%s, %s, TensorFlow %s, load average %s", strings.TrimLeft(line("/proc/cpuinfo", "model name"), "\t :"),
		runtime.NumCPU(), kib/(1<<20), runtime.GOOS, runtime.GOARCH, runtime.Version(), mlcore.Version(), load)
}

// line returns what follows a word at the beginning of a file's line, the first that has it.
func line(path, word string) string {
	b, _ := os.ReadFile(path) // what cannot be read is not said
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, word); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}
