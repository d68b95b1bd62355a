package mlcore

import (
	"math"
	"math/rand/v2"
	"slices"

	"retrain/mlcore/session"
)

// A rows runs a network on any number of rows such that the answer to each is the same, bit for bit, whoever else is asked for
// at the same time. TensorFlow's arithmetic does not give that by itself: it multiplies a single row in another order than
// several, and what is left over at the end of vectors of 8 or 16 numbers by other instructions. Batches whose rows are a
// multiple of the vectors have no rest; so they are filled up with zeros, which costs next to nothing.
type rows struct {
	network *session.Call
	shape   []int // of one row
	in, out int   // numbers of a row
	block   int   // rows of a run are a multiple of it; 0: nothing that was tried makes rows independent of each other
}

// The blocks that are tried. One row for itself is none of them: its answers may be alike by chance.
var blocks = []int{8, 16, 32, 64}

// newRows finds the smallest block.
func newRows(network *session.Call, shape []int, out int) (*rows, error) {
	r := &rows{network: network, shape: shape, in: 1, out: out}
	for _, d := range shape {
		r.in *= d
	}
	for _, r.block = range blocks {
		if ok, err := r.independent(); ok || err != nil {
			return r, err
		}
	}
	r.block = 0
	return r, nil
}

// run computes y [n, out] from x [n, in].
func (r *rows) run(x []float32, n int, y []float32) error {
	if r.block > 0 {
		n = (n + r.block - 1) / r.block * r.block
	}
	var shape [4]int
	shape[0] = n
	return r.network.Padded(x, shape[:1+copy(shape[1:], r.shape)], y)
}

// independent tries whether rows have the same answers in single blocks and in several, and wherever they stand there.
func (r *rows) independent() (bool, error) {
	const several = 3
	n := several * r.block
	random := rand.New(rand.NewPCG(1, 2))
	x, alone := make([]float32, n*r.in), make([]float32, n*r.out)
	for i := range x {
		x[i] = random.Float32()
	}
	for i := range several {
		if err := r.run(x[i*r.block*r.in:(i+1)*r.block*r.in], r.block, alone[i*r.block*r.out:(i+1)*r.block*r.out]); err != nil {
			return false, err
		}
	}
	y := make([]float32, n*r.out)
	for _, shift := range []int{0, 1, r.block/2 + 1, r.block - 1} {
		moved := slices.Concat(x[shift*r.in:], x[:shift*r.in])
		if err := r.run(moved, n, y); err != nil {
			return false, err
		}
		if !slices.EqualFunc(y, slices.Concat(alone[shift*r.out:], alone[:shift*r.out]), sameBits) {
			return false, nil
		}
	}
	return true, nil
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
