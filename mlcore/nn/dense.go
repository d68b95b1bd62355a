package nn

import "github.com/tensorflow/tensorflow/tensorflow/go"

// Dense is a fully connected layer: activation(x·kernel + bias).
type Dense struct {
	In, Units  int
	Activation string
}

func (Dense) Kind() string { return "dense" }
func (d Dense) Width() int { return d.Units }

// Parameters are the kernel [in, units] and the bias [units].
func (d Dense) Parameters() []Parameter {
	return []Parameter{{Name: "kernel", Shape: []int{d.In, d.Units}, First: GlorotUniform}, {Name: "bias", Shape: []int{d.Units}, First: Zeros}}
}

// Apply maps x [rows, in] to [rows, units].
func (d Dense) Apply(p *Pass, x Value, w []Value) Value {
	return activate(p.Graph, d.Activation, p.Bias(p.MatMul(x, w[0]), w[1]))
}

// Dropout zeroes a share of the numbers while training and scales the others up, so that their sum stays what it was.
type Dropout struct {
	Of   int // width
	Rate float64
}

func (Dropout) Kind() string            { return "dropout" }
func (d Dropout) Width() int            { return d.Of }
func (Dropout) Parameters() []Parameter { return nil }

// Apply keeps the shape of x [rows, width].
func (d Dropout) Apply(p *Pass, x Value, _ []Value) Value {
	if !p.Training || d.Rate == 0 {
		return x
	}
	return p.Mul(x, p.keep(d.Of, d.Rate))
}

// keep returns [rows, width]: 0 with the probability rate, 1/(1−rate) elsewhere.
func (p *Pass) keep(width int, rate float64) Value {
	drawn := p.Less(p.uniform(width), p.Float(rate))
	return p.Where(drawn, p.Float(0), p.Float(1/(1-rate)))
}

// uniform returns [rows, width] numbers in [0, 1), others in each step and at each draw within a step. They are a hash of a
// counter, because that gave the same numbers plain and compiled and costs next to nothing; TensorFlow's own generators cost
// up to 60 times a whole step under XLA.
func (p *Pass) uniform(width int) Value {
	p.draws++
	key := p.scramble(p.Add(p.Key, p.Const(uint32(p.draws)*0x85ebca6b)))
	counter := p.Mul(p.Cast(p.Upto(p.Rows*width), tensorflow.Uint32), p.Const(uint32(0x9e3779b9)))
	bits := p.shiftRight(p.scramble(p.xor(counter, key)), 8)
	// 24 bits are what a float32 holds exactly.
	u := p.Mul(p.Cast(p.Cast(bits, tensorflow.Int32), tensorflow.Float), p.Float(1.0/(1<<24)))
	return p.Reshape(u, p.Rows, width)
}

// scramble mixes the bits of uint32s: the 32-bit finaliser "lowbias32" of Chris Wellons' hash prospector (public domain).
func (p *Pass) scramble(x Value) Value {
	x = p.Mul(p.xor(x, p.shiftRight(x, 16)), p.Const(uint32(0x7feb352d)))
	x = p.Mul(p.xor(x, p.shiftRight(x, 15)), p.Const(uint32(0x846ca68b)))
	return p.xor(x, p.shiftRight(x, 16))
}

func (p *Pass) xor(a, b Value) Value { return p.Op("BitwiseXor", a, b) }

func (p *Pass) shiftRight(x Value, by uint32) Value { return p.Op("RightShift", x, p.Const(by)) }
