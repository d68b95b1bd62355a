package mlcore

import (
	"fmt"
	"math/bits"

	"retrain/mlcore/nn"
)

// A plan is all that a training program is built from. Equal plans are equal programs, whatever the data: growing data only
// make another plan when they outgrow a bucket.
type plan struct {
	network   nn.Network
	loss      nn.Loss
	optimizer nn.Optimizer
	batch     int
	width     int  // columns of X
	targets   int  // columns of Y
	lookback  int  // rows of a window; 0 where each row stands by itself
	weighted  bool // rows count by their class's weight
	rows      int  // bucket of X and Y
	train     int  // bucket of the rows that are learnt from
	chunk     int  // rows that are judged in one call
	compile   bool // by XLA
}

// Key tells plans apart.
func (p *plan) key() string {
	return fmt.Sprint(p.network.Signature(), p.loss, p.optimizer, p.batch, p.width, p.targets, p.lookback, p.weighted, p.rows, p.train, p.chunk, p.compile)
}

// bucket returns the power of two that holds n, at least 32.
func bucket(n int) int {
	if n <= 32 {
		return 32
	}
	return 1 << bits.Len(uint(n-1))
}

// steps is how many batches an epoch of n rows has. The last may be a part of one.
func (p *plan) steps(n int) int { return (n + p.batch - 1) / p.batch }

// chunkOf returns how many rows are judged in one call, for n rows in all: a bucket, as long as what the widest layer makes
// of it stays within a few megabytes.
func (p *plan) chunkOf(n int) int {
	widest := p.width
	for _, l := range p.network.Layers {
		widest = max(widest, l.Width())
	}
	most := max(32, 1<<bits.Len(uint((1<<20)/(widest*max(1, p.lookback)))))
	return min(bucket(n), most)
}

// operations estimates the multiplications of a step: each weight meets each row of the batch three times, forward and twice
// backward.
func (p *plan) operations() int {
	weights := 0
	for _, parameter := range p.network.Parameters() {
		weights += parameter.Size()
	}
	return 3 * p.batch * weights * max(1, p.lookback)
}

// What XLA costs and gains, in microseconds, as measured on two shared cores: compiling takes compileBase, compileLayer for
// each parameter and compileCell for each step of an LSTM's window; then each step of training is shorter by gain for each
// parameter and by gainCell for each step of a window. The arithmetic is the same for both.
const (
	compileBase  = 250_000
	compileLayer = 50_000
	compileCell  = 160_000
	gain         = 9
	gainCell     = 4
)

// worthCompiling reports whether XLA gains what it costs within this many steps. The next training of a growing resource has
// the compiled program at hand, so breaking even the first time is enough. It is a function of the plan and the amount of work
// alone, so that the same job always goes the same way and gives the same bytes.
func (p *plan) worthCompiling(steps int) bool {
	n := len(p.network.Parameters())
	cost, saved := compileBase+compileLayer*n, gain*n
	if p.lookback > 0 {
		if !nn.Unrolled(p.lookback) { // the other forms of an LSTM gain nothing, or cannot be compiled
			return false
		}
		cost += compileCell * p.lookback
		saved += gainCell * p.lookback
	}
	return steps*saved > cost
}
