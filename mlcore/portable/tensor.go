package portable

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"retrain"
)

// A Tensor is an array of weights by its name, as in "dense_1/kernel".
type Tensor struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	Data  string `json:"data"` // little-endian float32 in row-major order, as base64
}

// A Shape says which array comes next in a version's file of variables.
type Shape struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// A tensor has no more dimensions and numbers than these.
const (
	mostDimensions = 8
	mostNumbers    = MostBytes / 4
)

// size returns how many numbers a shape has, and a DataValidationError where it is none.
func size(name string, shape []int) (int, error) {
	if len(shape) > mostDimensions {
		return 0, invalid("tensor %q has %d dimensions", name, len(shape))
	}
	n := 1
	for _, d := range shape {
		if d < 1 || d > mostNumbers/n {
			return 0, invalid("tensor %q has the impossible shape %v", name, shape)
		}
		n *= d
	}
	return n, nil
}

// NewTensor returns an array with its numbers.
func NewTensor(name string, shape []int, numbers []float32) Tensor {
	b := make([]byte, 0, 4*len(numbers))
	for _, v := range numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return Tensor{name, shape, base64.StdEncoding.EncodeToString(b)}
}

// Numbers returns the weights, or a DataValidationError where they are not as many as the shape says, or not finite.
func (t *Tensor) Numbers() ([]float32, error) {
	n, err := size(t.Name, t.Shape)
	if err != nil {
		return nil, err
	}
	if have := len(t.Data); have != base64.StdEncoding.EncodedLen(4*n) {
		return nil, invalid("tensor %q of shape %v has %d characters of data, not %d", t.Name, t.Shape, have, base64.StdEncoding.EncodedLen(4*n))
	}
	b, err := base64.StdEncoding.Strict().DecodeString(t.Data)
	if err != nil {
		return nil, invalid("tensor %q: %w", t.Name, err)
	}
	if len(b) != 4*n {
		return nil, invalid("tensor %q of shape %v has %d bytes, not %d", t.Name, t.Shape, len(b), 4*n)
	}
	return numbersOf(t.Name, b)
}

// numbersOf reads little-endian float32.
func numbersOf(name string, b []byte) ([]float32, error) {
	numbers := make([]float32, len(b)/4)
	for i := range numbers {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, invalid("tensor %q: weight %d is %v", name, i, v).WithHint("a model with such weights answers nothing")
		}
		numbers[i] = v
	}
	return numbers, nil
}

func checkTensors(tensors []Tensor) error {
	if len(tensors) == 0 {
		return invalid("the file has no weights").WithHint("a network without its weights has to be trained: producer train MODEL")
	}
	seen := make(map[string]bool)
	for i := range tensors {
		t := &tensors[i]
		if t.Name == "" || seen[t.Name] {
			return invalid("weights[%d]: the name %q is empty or stands twice", i, t.Name)
		}
		seen[t.Name] = true
		if _, err := t.Numbers(); err != nil {
			return err
		}
	}
	return nil
}

// WeightsFor returns the weights of a network, in the order of its parameters. A ModelConfigError says where the file has
// others than the spec's network needs.
func (m *Model) WeightsFor(parameters []Shape) ([][]float32, error) {
	there := make(map[string]*Tensor, len(m.Weights))
	for i := range m.Weights {
		there[m.Weights[i].Name] = &m.Weights[i]
	}
	weights := make([][]float32, len(parameters))
	for i, p := range parameters {
		t := there[p.Name]
		switch {
		case t == nil:
			return nil, misfit("it has no %s", p.Name)
		case !slices.Equal(t.Shape, p.Shape):
			return nil, misfit("%s is %v there, not %v", p.Name, t.Shape, p.Shape)
		}
		var err error
		if weights[i], err = t.Numbers(); err != nil {
			return nil, err
		}
		delete(there, p.Name)
	}
	for i := range m.Weights {
		if name := m.Weights[i].Name; there[name] != nil {
			return nil, misfit("it has %s, which the network has not", name)
		}
	}
	return weights, nil
}

func misfit(format string, args ...any) error {
	return retrain.Errorf(retrain.ModelConfigError, "the file's weights do not fit the network of its spec: %s", fmt.Sprintf(format, args...))
}
