package mlcore_test

import (
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/mlcore"
)

var largeRows = flag.Int("large.rows", 0, "rows of 64 numbers that TestLargerThanMemory learns in 128 MiB; a million are 244 MiB")

// A data set far larger than what it may take up is learnt, and its memory stays small. It takes minutes, so it is for those
// who ask.
func TestLargerThanMemory(t *testing.T) {
	if *largeRows == 0 {
		t.Skip("-large.rows is not given")
	}
	const features = 64
	m := retrain.Model{Name: "large", Type: retrain.Regression, Resource: "large", Target: retrain.Names{"y"}}
	for i := range features {
		m.Features = append(m.Features, fmt.Sprintf("f%02d", i))
	}
	m.ModelConfig.Epochs, m.ModelConfig.BatchSize, m.ModelConfig.LearningRate = 2, 512, 0.01
	e := &mlcore.Engine{Memory: 128 << 20}
	defer e.Close()
	before, began, last := peak(t), time.Now(), time.Time{}
	job := retrain.Job{Model: m, Data: generated(*largeRows, m.Features), Progress: func(p retrain.Progress) {
		if last.IsZero() {
			t.Logf("%.0f s: prepared, %.0f MiB", time.Since(began).Seconds(), peak(t))
		}
		if time.Since(last) > 30*time.Second {
			last = time.Now()
			t.Logf("%.0f s: %.0f %%", time.Since(began).Seconds(), p.ProgressPercentage)
		}
	}}
	v := train(t, e, job)
	encoded := float64(*largeRows) * features * 4 / (1 << 20)
	t.Logf("%d rows, %.0f MiB encoded: %.0f s, memory at most %.0f MiB (%.0f before), R² %.4f, epochs' losses %v", *largeRows, encoded, time.Since(began).Seconds(),
		peak(t), before, v.Metrics["r2"], v.Losses)
	if v.Metrics["r2"] < 0.95 {
		t.Errorf("got R² %.4f of a linear truth", v.Metrics["r2"])
	}
}

// generated yields tables of numbers, and a target that is their weighted sum and some noise.
func generated(rows int, features []string) iter.Seq2[*retrain.Table, error] {
	return func(yield func(*retrain.Table, error) bool) {
		r := rand.New(rand.NewPCG(1, 64))
		for at := 0; at < rows; at += 8192 {
			n := min(8192, rows-at)
			table := &retrain.Table{Rows: n}
			y := numbersOf("y", n)
			for i, name := range features {
				c := numbersOf(name, n)
				for j := range n {
					c.Numbers[j] = r.Float64()
					y.Numbers[j] += float64(i%7) * c.Numbers[j]
				}
				table.Columns = append(table.Columns, c)
			}
			for j := range n {
				y.Numbers[j] += 0.3 * r.NormFloat64()
			}
			table.Columns = append(table.Columns, y) // their names are sorted
			if !yield(table, nil) {
				return
			}
		}
	}
}

func numbersOf(name string, n int) retrain.Column {
	c := retrain.Column{Name: name, Cells: make([]retrain.Cell, n), Numbers: make([]float64, n)}
	for i := range c.Cells {
		c.Cells[i] = retrain.Number
	}
	return c
}

// peak returns the most memory that the process has had, in MiB.
func peak(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	var kib float64
	_, after, _ := strings.Cut(string(b), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Fatal(err)
	}
	return kib / 1024
}
