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
	most := max(32, 1<<bits.Len(uint((4<<20)/(widest*max(1, p.lookback)))))
	return min(bucket(n), most)
}

// Where XLA begins to pay, in microseconds: its compilation takes compileCost once; a step costs plainStep for each of the
// network's parameters without it, and stepGain of that can be gained. Arithmetic is the same for both. Measured on two
// shared cores; what decides is a pure function of the plan and the amount of work, so that the same job always goes the
// same way and gives the same bytes.
const (
	compileCost = 1_500_000
	plainStep   = 14
	xlaStep     = 3
)

// worthCompiling reports whether XLA saves more than it costs in this many steps.
func (p *plan) worthCompiling(steps int) bool {
	n := len(p.network.Parameters())
	return steps*n*(plainStep-xlaStep) > 2*compileCost
}
