package mlcore

import (
	"context"
	"math"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/session"
)

// ridge is added to the squares of each column, so that columns which follow from each other, as those of a one-hot feature
// and the bias do, share the weight instead of having none. It is far below what float32 data say.
const ridge = 1e-8

// solvable returns a ModelConfigError unless the network and the loss have an exact solution: least squares.
func (f *fit) solvable(p *plan) error {
	if len(p.network.Layers) == 1 && p.loss == nn.MeanSquaredError && (p.network.Output == "" || p.network.Output == "linear") {
		return nil
	}
	return retrain.Errorf(retrain.ModelConfigError, "model %q: solver: exact needs loss meanSquaredError and a linear output without hidden layers", f.Model.Name).
		WithHint("solver: gradient")
}

// solve finds the weights of a linear model at once, in the place of all epochs: those of the least squares over the learnt
// rows.
func (f *fit) solve(ctx context.Context) error {
	t := f.training
	p := t.plan
	if err := f.solvable(p); err != nil {
		return err
	}
	n, k := p.width+1, p.targets
	squares, products, err := t.normal(ctx, n, k)
	if err != nil {
		return err
	}
	for i := range n - 1 { // not the bias
		squares[i*n+i] += ridge * float64(len(t.data.Train))
	}
	if !factor(squares, n) {
		return retrain.Errorf(retrain.TrainingError, "the features of model %q determine no linear model", f.Model.Name).WithHint("solver: gradient")
	}
	kernel, bias := session.View[float32](t.state.w[0]), session.View[float32](t.state.w[1])
	for j := range k {
		w := substitute(squares, n, products[j*n:(j+1)*n])
		for i := range n - 1 {
			kernel[i*k+j] = float32(w[i])
		}
		bias[j] = float32(w[n-1])
	}
	loss, err := t.loss(ctx, t.data.Train, t.state.w)
	if err != nil {
		return err
	}
	t.state.Loss = float32(loss * float64(len(t.data.Train)))
	return t.endEpoch(ctx)
}

// normal returns the products of all columns with each other, [n, n], and with the targets, [k, n], summed over the learnt
// rows. The last column is the bias's: ones.
func (t *training) normal(ctx context.Context, n, k int) (squares, products []float64, err error) {
	squares, products = make([]float64, n*n), make([]float64, k*n)
	row := make([]float64, n)
	row[n-1] = 1
	for left := t.data.Train; len(left) > 0; {
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		some := left[:min(4096, t.fits(left))]
		left = left[len(some):]
		back, err := t.window(span{int(some[0]), int(some[len(some)-1]) + 1})
		if err != nil {
			return nil, nil, err
		}
		x, y := session.View[float32](t.x), session.View[float32](t.y)
		for _, r := range some {
			at := int(r) - back
			for i, v := range x[at*(n-1) : (at+1)*(n-1)] {
				row[i] = float64(v)
			}
			addProducts(squares, products, row, y[at*k:(at+1)*k])
		}
	}
	return squares, products, nil
}

// addProducts adds the products of a row's columns with each other, and with its targets.
func addProducts(squares, products, row []float64, y []float32) {
	n := len(row)
	for i, v := range row {
		if v == 0 {
			continue
		}
		for j := range i + 1 {
			squares[i*n+j] += v * row[j]
		}
		for j := range y {
			products[j*n+i] += v * float64(y[j])
		}
	}
}

// factor replaces the lower half of the symmetric a [n, n] by its Cholesky factor, and returns false where it has none.
func factor(a []float64, n int) bool {
	for j := range n {
		for i := j; i < n; i++ {
			sum := a[i*n+j]
			for k := range j {
				sum -= a[i*n+k] * a[j*n+k]
			}
			switch {
			case i > j:
				a[i*n+j] = sum / a[j*n+j]
			case sum > 0:
				a[j*n+j] = math.Sqrt(sum)
			default:
				return false
			}
		}
	}
	return true
}

// substitute solves l·lᵀ·x = b for a factor l [n, n].
func substitute(l []float64, n int, b []float64) []float64 {
	x := append([]float64(nil), b...)
	for i := range n {
		for k := range i {
			x[i] -= l[i*n+k] * x[k]
		}
		x[i] /= l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= l[k*n+i] * x[k]
		}
		x[i] /= l[i*n+i]
	}
	return x
}
