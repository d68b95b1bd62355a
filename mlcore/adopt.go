package mlcore

import (
	"context"
	"encoding/json"
	"math"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"

	"retrain"
	"retrain/mlcore/nn"
	"retrain/mlcore/portable"
)

// An adoption makes a version of a model that was trained elsewhere: the SavedModel is built anew from the model's settings
// and weights, and what the file says about it is kept. No graph comes from outside.
type adoption struct {
	retrain.Job
	file    *portable.Model
	network nn.Network
	details Details
	result  retrain.Fit
}

// adopt writes the version's files into job.Dir. The same file gives the same bytes.
func adopt(ctx context.Context, job retrain.Job) (retrain.Fit, error) {
	a := &adoption{Job: job}
	a.Model = a.Model.WithDefaults()
	for _, step := range []func(context.Context) error{a.read, a.write, a.try} {
		if err := ctx.Err(); err != nil {
			return retrain.Fit{}, context.Cause(ctx)
		}
		if err := step(ctx); err != nil {
			return retrain.Fit{}, err
		}
	}
	return a.result, nil
}

// read reads the file, and what it says of the model's training.
func (a *adoption) read(context.Context) error {
	var err error
	if a.file, err = portable.Read(a.Import); err != nil {
		return err
	}
	a.Import = nil
	if err := a.file.Preparation.Suits(&a.Model); err != nil {
		return err
	}
	if a.result, err = a.file.Fit(); err != nil {
		return err
	}
	if len(a.result.Details) > 0 {
		if err := json.Unmarshal(a.result.Details, &a.details); err != nil {
			return retrain.Errorf(retrain.DataValidationError, "architecture: %w", err)
		}
	}
	return a.details.sound(len(a.file.Preparation.Targets[0].Classes))
}

// sound looks at what a prediction takes from the details.
func (d *Details) sound(classes int) error {
	refuse := func(what string, v any) error {
		return retrain.Errorf(retrain.DataValidationError, "architecture: %s is %v", what, v)
	}
	if t := d.Temperature; classes == 0 && t != 0 || t < 0 || t != 0 && (t < 1e-3 || t > 1e3) {
		return refuse("temperature", t)
	}
	if i := d.Interval; i != nil && (classes > 0 || i.HalfWidth < 0 || i.Level <= 0 || i.Level >= 1 || math.IsInf(i.HalfWidth, 0)) {
		return refuse("interval", *i)
	}
	for _, e := range d.Examples {
		if len(e.Records) == 0 {
			return refuse("an example", "without records")
		}
	}
	return nil
}

// write puts the SavedModel into the folder and describes it.
func (a *adoption) write(context.Context) error {
	network, loss, err := architecture(&a.Model, a.file.Preparation)
	if err != nil {
		return err
	}
	a.network = network
	sm := &savedModel{network: &a.network, preparation: a.file.Preparation, temperature: a.details.Temperature}
	if sm.weights, err = a.file.WeightsFor(shapesOf(network.Parameters())); err != nil {
		return err
	}
	if err := sm.write(a.Dir); err != nil {
		return err
	}
	d := &a.details
	if err := writeWarmup(a.Dir, a.Model.Name, a.file.Preparation, d.Examples); err != nil {
		return retrain.Errorf(retrain.DataValidationError, "architecture: examples: %w", err)
	}
	d.Layers, d.Weights, d.TotalParameters = nil, nil, 0
	d.describe(&a.network, loss)
	if d.TensorFlow == "" {
		d.TensorFlow = tf.Version()
	}
	a.result.Parameters = d.TotalParameters
	a.result.Losses, a.result.ValLosses = orEmpty(a.result.Losses), orEmpty(a.result.ValLosses)
	if a.result.Metrics == nil {
		a.result.Metrics = map[string]float64{}
	}
	a.result.Details, err = json.Marshal(d)
	return err
}

// try loads the version, which must answer the file's examples as the file says.
func (a *adoption) try(context.Context) error {
	s, err := Load(retrain.Version{Dir: a.Dir, Manifest: &retrain.Manifest{Version: a.file.Lineage.Version, Fit: a.result}}) //nolint:contextcheck // loading is a matter of milliseconds
	if err != nil {
		return retrain.Errorf(retrain.DataValidationError, "the imported model does not work: %w", err)
	}
	return s.Close()
}

func shapesOf(parameters []nn.Parameter) []portable.Shape {
	shapes := make([]portable.Shape, len(parameters))
	for i, p := range parameters {
		shapes[i] = portable.Shape{Name: p.Name, Shape: p.Shape}
	}
	return shapes
}
