// Command fit trains one network side by side in Retrain and in what people would use otherwise, in one run on one machine:
// 8 → 64 → 32 → 1 on 10,000 rows, Adam, batches of 32. It prints a table and may write it as JSON and as a picture.
//
//	go run ./bench/fit -python PYTHON [-epochs 50] [-json fit.json] [-svg fit.svg]
//
// PYTHON is one that has any of tensorflow (with Keras), scikit-learn and jax; what it lacks is left out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"retrain"
	"retrain/mlcore"
	"retrain/mlcore/prep"
)

// The work: a training of as many epochs over so many rows.
const (
	rows     = 10_000
	features = 8
	batch    = 32
	rate     = 0.001
	steps    = (rows + batch - 1) / batch // of an epoch
)

// A Result is what somebody took for the work.
type Result struct {
	Name    string  `json:"name"`
	Epochs  int     `json:"epochs"`
	First   float64 `json:"first"`   // seconds of the first training in a process, compiling included
	Again   float64 `json:"again"`   // seconds of the same training once more, the best of some
	Loss    float64 `json:"loss"`    // mean squared error of the last epoch
	Memory  float64 `json:"memory"`  // MiB, resident at most
	Missing string  `json:"missing"` // why it could not be measured
}

// PerStep returns microseconds.
func (r *Result) PerStep() float64 { return r.Again * 1e6 / float64(r.Epochs*steps) }

func main() {
	python := flag.String("python", "python3", "a Python that has the peers")
	epochs := flag.Int("epochs", 50, "epochs of each training")
	jsonPath := flag.String("json", "", "write the results to this file")
	svgPath := flag.String("svg", "", "draw the time per step into this file")
	flag.Parse()
	log.SetFlags(0)
	if err := run(context.Background(), *python, *epochs, *jsonPath, *svgPath); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, python string, epochs int, jsonPath, svgPath string) error {
	data := draw()
	results, err := ours(ctx, data, epochs, 10*epochs) // the longer one is compiled
	if err != nil {
		return err
	}
	for _, peer := range []string{"jax", "sklearn", "keras"} {
		log.Print("training in ", peer, " …")
		r, err := theirs(ctx, python, peer, data, epochs)
		if err != nil {
			return fmt.Errorf("%s: %w", peer, err)
		}
		if r.Missing != "" {
			log.Print("left out: ", r.Missing)
			continue
		}
		results = append(results, r)
	}
	show(results)
	if jsonPath != "" {
		b, err := json.MarshalIndent(results, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(jsonPath, append(b, '\n'), 0o600); err != nil {
			return err
		}
	}
	if svgPath != "" {
		return os.WriteFile(svgPath, picture(results), 0o600)
	}
	return nil
}

// draw returns the data [rows, features+1]: uniform features, and a target from 0 to 1 that is no line.
func draw() []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	var data []float32
	for range rows {
		sum := 0.0
		for i := range features {
			x := r.Float64()
			sum += math.Sin(float64(i+1)*x) / features
			data = append(data, float32(x))
		}
		data = append(data, float32(sum*sum+0.01*r.NormFloat64()))
	}
	return data
}

// ours trains in this process, through the same door as a worker: from records to a version's files.
func ours(ctx context.Context, data []float32, epochs ...int) ([]Result, error) {
	records := make([]retrain.Record, rows)
	var names []string
	for i := range features {
		names = append(names, fmt.Sprint("x", i))
	}
	for i := range records {
		row := data[i*(features+1) : (i+1)*(features+1)]
		records[i] = retrain.Record{"id": fmt.Sprint(i), "y": float64(row[features])}
		for j, name := range names {
			records[i][name] = float64(row[j])
		}
	}
	m := retrain.Model{Name: "bench", Type: retrain.NeuralNetwork, Resource: "rows", Features: names, Target: retrain.Names{"y"}}
	m.ModelConfig = retrain.ModelConfig{BatchSize: batch, LearningRate: rate, ValidationSplit: new(float64),
		Layers: []retrain.Layer{{Units: 64}, {Units: 32}}}
	e := &mlcore.Engine{}
	defer e.Close()
	block := retrain.NewTable(records)
	tables := func(yield func(*retrain.Table, error) bool) { yield(block, nil) }
	var results []Result
	for _, n := range epochs {
		log.Printf("training in Retrain, %d epochs …", n)
		m.ModelConfig.Epochs = n
		r := Result{Name: fmt.Sprintf("Retrain, %d epochs", n), Epochs: n}
		var took []float64
		for len(took) < 2 || (len(took) < 5 && sum(took) < 15) { // as the peers do
			began := time.Now()
			var err error
			if r.Loss, err = fit(ctx, e, retrain.Job{Model: m, Data: tables}); err != nil {
				return nil, err
			}
			took = append(took, time.Since(began).Seconds())
		}
		r.First, r.Again, r.Memory = took[0], slices.Min(took[1:]), peak()
		results = append(results, r)
	}
	return results, nil
}

// fit returns the loss of the last epoch, in the target's own units as the peers have it.
func fit(ctx context.Context, e *mlcore.Engine, job retrain.Job) (float64, error) {
	dir, err := os.MkdirTemp("", "bench-fit-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	job.Dir = dir
	f, err := e.Fit(ctx, job)
	if err != nil {
		return 0, err
	}
	p := new(prep.Preparation)
	if err := json.Unmarshal(f.Preparation, p); err != nil {
		return 0, err
	}
	span := p.Targets[0].Max - p.Targets[0].Min
	return f.Losses[len(f.Losses)-1] * span * span, nil
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// peak returns the most memory that this process had resident, in MiB.
func peak() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return math.NaN()
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kib float64
		if n, _ := fmt.Sscanf(s.Text(), "VmHWM: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return math.NaN()
}

func show(results []Result) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetTitle("%d rows, 8 → 64 → 32 → 1, Adam, batches of %d, on %d CPUs", rows, batch, runtime.NumCPU())
	t.AppendHeader(table.Row{"", "epochs", "first, s", "again, s", "µs per step", "slower than ours", "loss", "memory, MiB"})
	best := results[len(results)-1].PerStep()
	for i := range results {
		if strings.HasPrefix(results[i].Name, "Retrain") {
			best = min(best, results[i].PerStep())
		}
	}
	for _, r := range results {
		t.AppendRow(table.Row{r.Name, r.Epochs, fmt.Sprintf("%.2f", r.First), fmt.Sprintf("%.2f", r.Again), fmt.Sprintf("%.1f", r.PerStep()),
			fmt.Sprintf("%.1f ×", r.PerStep()/best), fmt.Sprintf("%.2e", r.Loss), fmt.Sprintf("%.0f", r.Memory)})
	}
	t.Render()
}
