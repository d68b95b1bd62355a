package nn

import "retrain/mlcore/graph"

// An Optimizer turns gradients into the next parameters.
type Optimizer struct {
	Name     string  // adam, sgd, rmsprop
	Momentum float64 // of sgd
}

// Slots is how many arrays it remembers for each parameter, all beginning as zeros.
func (o Optimizer) Slots() int {
	switch {
	case o.Name == "adam":
		return 2
	case o.Name == "rmsprop" || o.Momentum != 0:
		return 1
	}
	return 0
}

// Rate returns what all parameters share in step number (a float, from 1): the learning rate, which adam raises while its
// slots still begin: rate·√(1 − 0.999ⁿ) / (1 − 0.9ⁿ).
func (o Optimizer) Rate(g *graph.Graph, number, rate Value) Value {
	if o.Name != "adam" {
		return rate
	}
	one := g.Float(1)
	return g.Div(g.Mul(rate, g.Sqrt(g.Sub(one, g.Pow(g.Float(0.999), number)))), g.Sub(one, g.Pow(g.Float(0.9), number)))
}

// Update returns a parameter's and its slots' next values, for a rate from Rate. The formulas and constants are those of
// keras/src/optimizers.
func (o Optimizer) Update(g *graph.Graph, rate, w, gradient Value, slots []Value) (Value, []Value) {
	switch {
	case o.Name == "adam":
		// m ← m + 0.1·(g − m); v ← v + 0.001·(g² − v); w ← w − m·rate / (√v + 1e-7)
		m := g.Add(slots[0], g.Mul(g.Sub(gradient, slots[0]), g.Float(0.1)))
		v := g.Add(slots[1], g.Mul(g.Sub(g.Square(gradient), slots[1]), g.Float(0.001)))
		return g.Sub(w, g.Div(g.Mul(m, rate), g.Add(g.Sqrt(v), g.Float(1e-7)))), []Value{m, v}
	case o.Name == "rmsprop":
		// v ← 0.9·v + 0.1·g²; w ← w − rate·g / √(v + 1e-7)
		v := g.Add(g.Mul(g.Float(0.9), slots[0]), g.Mul(g.Float(0.1), g.Square(gradient)))
		return g.Sub(w, g.Div(g.Mul(rate, gradient), g.Sqrt(g.Add(v, g.Float(1e-7))))), []Value{v}
	case o.Momentum != 0:
		// m ← momentum·m − rate·g; w ← w + m
		m := g.Sub(g.Mul(slots[0], g.Float(o.Momentum)), g.Mul(gradient, rate))
		return g.Add(w, m), []Value{m}
	}
	return g.Sub(w, g.Mul(gradient, rate)), nil
}
