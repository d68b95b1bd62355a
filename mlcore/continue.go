package mlcore

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tensorflow/tensorflow/tensorflow/go/core/framework/variable_go_proto"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/prep"
)

// continued returns the weights of the version to continue from, turned so that the network answers to newly prepared records
// what it answered before: ranges may have moved, texts and classes may have come and gone. What is new begins with zeros. A
// ModelConfigError says what of the model was changed that cannot be continued.
func (f *fit) continued() ([][]float32, error) {
	v := f.Continue
	old := new(prep.Preparation)
	if err := json.Unmarshal(v.Manifest.Fit.Preparation, old); err != nil {
		return nil, fmt.Errorf("continue from version %d: preparation: %w", v.Manifest.Version, err)
	}
	if before, now := namesOf(old), namesOf(f.preparation); !slices.Equal(before, now) {
		return nil, cannotContinue(v, "its features and target are %q, now they are %q", before, now)
	}
	network, _, err := architecture(&f.Model, old)
	if err != nil {
		return nil, err
	}
	parameters := network.Parameters()
	weights, err := weightsOf(v, parameters)
	if err != nil {
		return nil, err
	}
	bias := slices.IndexFunc(parameters, func(p nn.Parameter) bool { return strings.HasSuffix(p.Name, "/bias") })
	first, last := affine{weights[0], weights[bias]}, len(weights)-2
	weights[0], weights[bias] = first.reading(f.preparation.Express(old), f.preparation.Width()).parts()
	output := affine{weights[last], weights[last+1]}
	switch {
	case len(old.Targets[0].Classes) > 0:
		output = output.telling(old.Targets[0].Classes, f.preparation.Targets[0].Classes)
	case network.Output == "" || network.Output == "linear": // others cannot be stretched
		output.stretch(old.Targets, f.preparation.Targets)
	}
	weights[last], weights[last+1] = output.parts()
	return weights, nil
}

func namesOf(p *prep.Preparation) (names []string) {
	for i := range p.Features {
		names = append(names, p.Features[i].Name)
	}
	for i := range p.Targets {
		names = append(names, p.Targets[i].Name)
	}
	return names
}

// An affine is what a layer multiplies its inputs by, [inputs, units], and adds, [units]. The gates of an LSTM are units, too.
type affine struct{ kernel, bias []float32 }

func (d affine) parts() (kernel, bias []float32) { return d.kernel, d.bias }

// reading returns the layer that makes of width other inputs what d makes of its own, each of which is a sum of shares of these.
func (d affine) reading(inputs [][]prep.Share, width int) affine {
	units := len(d.bias)
	kernel, bias := make([]float64, width*units), make([]float64, units)
	for i, shares := range inputs {
		for _, s := range shares {
			to := bias
			if s.Column >= 0 {
				to = kernel[s.Column*units : (s.Column+1)*units]
			}
			for j := range units {
				to[j] += s.Factor * float64(d.kernel[i*units+j])
			}
		}
	}
	next := affine{make([]float32, len(kernel)), make([]float32, units)}
	for i, v := range kernel {
		next.kernel[i] = float32(v)
	}
	for j, v := range bias {
		next.bias[j] = float32(v + float64(d.bias[j]))
	}
	return next
}

// telling returns the layer that tells classes apart as d tells older ones. A single unit says how much more the second of two
// classes is likely than the first; others have a unit for each class.
func (d affine) telling(old, classes []string) affine {
	units, rows := len(d.bias), len(d.kernel)/len(d.bias)
	unit := func(x []float32, class string) float32 { // of one input, or of the bias
		switch i := slices.Index(old, class); {
		case i < 0 || units == 1 && i == 0:
			return 0
		case units == 1:
			return x[0]
		default:
			return x[i]
		}
	}
	turn := func(x []float32) (y []float32) {
		if len(classes) == 2 {
			return []float32{unit(x, classes[1]) - unit(x, classes[0])}
		}
		for _, class := range classes {
			y = append(y, unit(x, class))
		}
		return y
	}
	next := affine{bias: turn(d.bias)}
	for i := range rows {
		next.kernel = append(next.kernel, turn(d.kernel[i*units:(i+1)*units])...)
	}
	return next
}

// stretch changes the layer so that it answers in the scale of targets what it answered in that of the old ones.
func (d affine) stretch(old, targets []prep.Target) {
	for j := range d.bias {
		before, now := old[j], targets[j]
		width := now.Max - now.Min
		if !(width > 0) { // every answer means the same
			continue
		}
		factor := (before.Max - before.Min) / width
		for i := j; i < len(d.kernel); i += len(d.bias) {
			d.kernel[i] = float32(factor * float64(d.kernel[i]))
		}
		d.bias[j] = float32(factor*float64(d.bias[j]) + (before.Min-now.Min)/width)
	}
}

func cannotContinue(v retrain.Version, format string, args ...any) error {
	return retrain.Errorf(retrain.ModelConfigError, "cannot continue from version %d: %s", v.Manifest.Version, fmt.Sprintf(format, args...)).
		WithHint("train from new weights: --reset-weights")
}

// weightsOf returns the weights of a version, for a network with these parameters. A ModelConfigError says where the two
// differ.
func weightsOf(v retrain.Version, parameters []nn.Parameter) ([][]float32, error) {
	if err := sameShapes(v, parameters); err != nil {
		return nil, err
	}
	s, mg, err := load(v.Dir, false)
	if err != nil {
		return nil, fmt.Errorf("continue from version %d: %w", v.Manifest.Version, err)
	}
	defer s.Close()
	reads, err := readsOf(mg)
	if err != nil {
		return nil, err
	}
	var outputs []string
	for _, p := range parameters {
		outputs = append(outputs, reads[p.Name])
	}
	call, err := s.Call(nil, outputs)
	if err != nil {
		return nil, err
	}
	tensors, err := call.Run()
	if err != nil {
		return nil, err
	}
	weights := make([][]float32, len(tensors))
	for i, t := range tensors {
		weights[i] = t.Floats()
	}
	return weights, nil
}

func sameShapes(v retrain.Version, parameters []nn.Parameter) error {
	d, err := ReadDetails(&v.Manifest.Fit)
	if err != nil {
		return err
	}
	there := make(map[string][]int)
	for _, l := range d.Layers {
		for name, shape := range l.Shapes {
			there[l.Name+"/"+name] = shape
		}
	}
	for _, p := range parameters {
		if shape, ok := there[p.Name]; !ok {
			return cannotContinue(v, "it has no %s", p.Name)
		} else if !slices.Equal(shape, p.Shape) {
			return cannotContinue(v, "%s is %v there and %v now", p.Name, shape, p.Shape)
		}
		delete(there, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		return cannotContinue(v, "%s is no more", name)
	}
	return nil
}

// readsOf returns the outputs that read a SavedModel's variables, by the variables' names.
func readsOf(mg *meta.MetaGraphDef) (map[string]string, error) {
	reads := make(map[string]string)
	for _, b := range mg.GetCollectionDef()["variables"].GetBytesList().GetValue() {
		var v variable_go_proto.VariableDef
		if err := proto.Unmarshal(b, &v); err != nil {
			return nil, fmt.Errorf("variables: %w", err)
		}
		reads[strings.TrimSuffix(v.VariableName, "/VarHandleOp:0")] = v.SnapshotName
	}
	return reads, nil
}
