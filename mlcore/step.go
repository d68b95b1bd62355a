package mlcore

import (
	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain/mlcore/graph"
	"retrain/mlcore/nn"
)

// A loop is the state of the step loop. Its body takes all of it and returns all of it, changed or not.
type loop struct {
	step, end graph.Value // int32: the epoch's next step, and where to stop
	number    graph.Value // int32: steps done since the beginning of the fit
	loss      graph.Value // float: the epoch's loss so far, summed over rows
	x, y      graph.Value // [rows, width], [rows, targets]
	weights   graph.Value // [rows] how much each row counts; only where the plan is weighted
	order     graph.Value // [train+batch] int32: the rows in the order of this epoch
	rows      graph.Value // int32: how many of order are real
	seed      graph.Value // uint32
	rate      graph.Value // float: the learning rate
	w, slots  []graph.Value
}

// newLoop declares the loop's state as the arguments of g.
func (p *plan) newLoop(g *graph.Graph) *loop {
	l := &loop{step: g.Arg(tf.Int32), end: g.Arg(tf.Int32), number: g.Arg(tf.Int32), loss: g.Arg(tf.Float),
		x: g.Arg(tf.Float, p.rows, p.width), y: g.Arg(tf.Float, p.rows, p.targets)}
	if p.weighted {
		l.weights = g.Arg(tf.Float, p.rows)
	}
	l.order, l.rows = g.Arg(tf.Int32, p.train+p.batch), g.Arg(tf.Int32)
	l.seed, l.rate = g.Arg(tf.Uint32), g.Arg(tf.Float)
	l.w = p.newWeights(g)
	for _, shape := range p.slotShapes() {
		l.slots = append(l.slots, g.Arg(tf.Float, shape...))
	}
	return l
}

func (p *plan) newWeights(g *graph.Graph) (w []graph.Value) {
	for _, parameter := range p.network.Parameters() {
		w = append(w, g.Arg(tf.Float, parameter.Shape...))
	}
	return w
}

// slotShapes returns the shapes of what the optimiser remembers: all slots of the first parameter, then of the next.
func (p *plan) slotShapes() (shapes [][]int) {
	for _, parameter := range p.network.Parameters() {
		for range p.optimizer.Slots() {
			if !parameter.Frozen {
				shapes = append(shapes, parameter.Shape)
			}
		}
	}
	return shapes
}

// values returns the state in the order of its arguments.
func (l *loop) values() []graph.Value {
	v := []graph.Value{l.step, l.end, l.number, l.loss, l.x, l.y}
	if l.weights.Op != nil {
		v = append(v, l.weights)
	}
	v = append(v, l.order, l.rows, l.seed, l.rate)
	return append(append(v, l.w...), l.slots...)
}

// epoch returns the function that trains from step to end.
func (p *plan) epoch() *graph.Function {
	b := graph.New()
	state := p.newLoop(b)
	p.trainStep(b, state)
	body := b.Function("step", state.values()...)
	c := graph.New()
	state = p.newLoop(c)
	cond := c.Function("more", c.Less(state.step, state.end))
	g := graph.New()
	state = p.newLoop(g)
	last := g.While(cond, body, state.values()...)
	kept := 2 + len(state.w) + len(state.slots) // all that a step changes: number, loss, weights, slots
	outs := append([]graph.Value{last[2], last[3]}, last[len(last)-kept+2:]...)
	return g.Function("epoch", outs...)
}

// trainStep is the training itself: a batch, its loss, the gradients, the next weights. It replaces what changes in s.
func (p *plan) trainStep(g *graph.Graph, s *loop) {
	begin := g.Mul(s.step, g.Int(p.batch))
	batch := g.Window(s.order, begin, p.batch)
	left := g.Sub(s.rows, begin)
	mask := g.Cast(g.Less(g.Upto(p.batch), left), tf.Float)
	count := g.Cast(g.Min(left, g.Int(p.batch)), tf.Float)
	pass := &nn.Pass{Graph: g, Rows: p.batch, Training: true, Mask: mask, Count: count, Key: p.stepKey(g, s)}

	x, y := p.read(g, s.x, batch), g.Gather(s.y, batch)
	logits := p.network.Logits(pass, x, s.w)
	each := g.Mul(p.loss.Of(g, &p.network, logits, y), mask) // [batch]
	if p.weighted {
		each = g.Mul(each, g.Gather(s.weights, batch))
	}
	sum := g.Sum(each, 0)
	loss := g.Div(sum, count)

	number := g.Add(s.number, g.Int(1))
	p.update(g, s, p.network.Gradients(pass, loss, s.w), g.Cast(number, tf.Float), pass.Next)
	s.step, s.number, s.loss = g.Add(s.step, g.Int(1)), number, g.Add(s.loss, sum)
}

// update replaces the weights and slots of s. Frozen parameters become what next says.
func (p *plan) update(g *graph.Graph, s *loop, gradients []graph.Value, number graph.Value, next []graph.Value) {
	if g.Err() != nil {
		return
	}
	parameters := p.network.Parameters()
	rate := p.optimizer.Rate(g, number, s.rate)
	k := p.optimizer.Slots()
	w, slots, old := []graph.Value(nil), []graph.Value(nil), s.slots
	for i := range parameters {
		if parameters[i].Frozen {
			w, next = append(w, next[0]), next[1:]
			continue
		}
		after, remembered := p.optimizer.Update(g, rate, s.w[i], gradients[0], old[:k])
		w, slots = append(w, after), append(slots, remembered...)
		gradients, old = gradients[1:], old[k:]
	}
	s.w, s.slots = w, slots
}

// stepKey is another number in each step and for each seed.
func (p *plan) stepKey(g *graph.Graph, s *loop) graph.Value {
	return g.Add(g.Mul(g.Cast(s.number, tf.Uint32), g.Const(uint32(0x9e3779b1))), s.seed)
}

// read returns the network's input for rows [n]: the rows of x themselves [n, width], or the windows that end before them
// [lookback, n, width].
func (p *plan) read(g *graph.Graph, x, rows graph.Value) graph.Value {
	if p.lookback == 0 {
		return g.Gather(x, rows)
	}
	begin := g.Reshape(g.Sub(rows, g.Int(p.lookback)), 1, -1)
	return g.Gather(x, g.Add(begin, g.Reshape(g.Upto(p.lookback), -1, 1)))
}

// judge returns the function that answers a chunk of rows and says how wrong the answers are: of x, y, the rows [chunk],
// how many of them are real, and the weights, it makes the summed loss and the answers [chunk, outputs].
func (p *plan) judge() *graph.Function {
	g := graph.New()
	x, y := g.Arg(tf.Float, p.rows, p.width), g.Arg(tf.Float, p.rows, p.targets)
	rows, count := g.Arg(tf.Int32, p.chunk), g.Arg(tf.Int32)
	w := p.newWeights(g)
	pass := &nn.Pass{Graph: g, Rows: p.chunk}
	logits := p.network.Logits(pass, p.read(g, x, rows), w)
	mask := g.Cast(g.Less(g.Upto(p.chunk), count), tf.Float)
	loss := g.Sum(g.Mul(p.loss.Of(g, &p.network, logits, g.Gather(y, rows)), mask), 0)
	return g.Function("judge", loss, p.network.Answer(g, logits))
}
